import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from pretraining.evaluation.labels import MaskLabels
from pretraining.evaluation.masks import Masks
from pretraining.studies.arrays import read_array, write_array
from pretraining.studies.image_store import ImageTask, store_image
from pretraining.studies.manifest import Study

LABELS = MaskLabels(Path("labels.json"), {"liver": "liver"}, {"liver": (1,), "spleen": (2, 3)}, None)


def study(images, **more):
    return Study(id="one", patient="p", split="test", images=tuple(images), **more)


def volume(voxels, path, shift=0.0):
    """Stored toward the patient's right, front and feet: everything that `upright` turns round."""
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((1.0, 1.5, 2.0))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, -1))
    image.SetOrigin((5.0 + shift, 6.0, 7.0))
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture
def turned(tmp_path):
    """A prepared volume whose intensities are 100 times its labels, and the labels."""
    labels = np.random.default_rng(0).integers(0, 4, (5, 6, 7)).astype(np.uint8)
    source = volume(labels.astype(np.int16) * 100, tmp_path / "image.nii.gz")
    data = tmp_path / "data"
    outcome = store_image(ImageTask(str(source), "", str(data), "one", ""))
    (tmp_path / "masks").mkdir()
    return data, outcome.images[0].array, labels, tmp_path / "masks"


def test_a_mask_comes_in_the_orientation_of_the_prepared_image(turned):
    data, image, labels, folder = turned
    volume(labels, folder / "one.nii.gz")
    masks = Masks(folder, LABELS, data, [study([image])])
    found = masks.read("one", data / image)
    np.testing.assert_array_equal(found.astype(int) * 100, read_array(data / image)[0])
    organs = dict(masks.organs(found, ["liver", "spleen", "heart"]))
    np.testing.assert_array_equal(organs["spleen"], found >= 2)
    assert set(organs) == {"liver", "spleen"}


def test_a_hundred_organs_need_no_more_memory_than_one(tmp_path):
    values = {f"organ{value}": (value, value + 1) for value in range(1, 100)}
    masks = Masks(tmp_path, MaskLabels(tmp_path, {}, values, None), tmp_path, [])
    mask = np.random.default_rng(0).integers(0, 101, (32, 32, 32)).astype(np.uint8)
    tracemalloc.start()
    found = [tag for tag, organ in masks.organs(mask, values) if organ.sum() == np.isin(mask, values[tag]).sum()]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == list(values)
    assert peak < 8 * mask.size


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_a_mask_keeps_its_type_where_that_is_of_whole_numbers(turned, kind):
    data, image, labels, folder = turned
    volume(labels.astype(kind), folder / "one.nii.gz")
    found = Masks(folder, LABELS, data, [study([image])]).read("one", data / image)
    assert found.dtype == (np.int32 if kind is np.float32 else kind)
    np.testing.assert_array_equal(found.astype(int) * 100, read_array(data / image)[0])


def test_a_mask_of_another_grid_is_listed_with_the_reason(turned):
    data, image, labels, folder = turned
    for voxels, shift, reason in ((labels[:-1], 0, "shape"), (labels, 3, "lies up to 3.0 mm from")):
        volume(voxels, folder / "one.nii.gz", shift)
        masks = Masks(folder, LABELS, data, [study([image])])
        assert masks.read("one", data / image) is None
        assert reason in masks.left_out["one"]


def test_fractions_are_no_labels(turned):
    data, image, labels, folder = turned
    volume(labels.astype(np.float32) / 2, folder / "one.nii.gz")
    masks = Masks(folder, LABELS, data, [study([image])])
    assert masks.read("one", data / image) is None
    assert "whole numbers" in masks.left_out["one"]


def test_one_mask_for_several_images_is_listed_and_pictures_are_read(tmp_path):
    picture = Image.fromarray(np.eye(8, dtype=np.uint8))
    picture.putpalette([0, 0, 0, 128, 0, 0])
    picture.save(tmp_path / "one.png")
    several = Masks(tmp_path, LABELS, tmp_path, [study(["a.b2nd", "b.b2nd"])])
    assert several.left_out == {"one": "one mask for 2 images"}
    write_array(tmp_path / "a.b2nd", np.ones((1, 8, 8), np.uint8), {})
    single = Masks(tmp_path, LABELS, tmp_path, [study(["a.b2nd"])])
    np.testing.assert_array_equal(single.read("one", tmp_path / "a.b2nd"), np.eye(8))


def test_a_study_named_after_its_channel_has_the_mask_of_its_case(tmp_path):
    for name, value in (("case_7", 1), ("case_8", 2), ("case_8_0000", 3)):
        Image.fromarray(np.full((8, 8), value, np.uint8)).save(tmp_path / f"{name}.png")
        write_array(tmp_path / f"{name}.b2nd", np.ones((1, 8, 8), np.uint8), {})
    studies = [replace(study([f"{case}.b2nd"]), id=f"{case}_0000") for case in ("case_7", "case_8", "case_9")]
    masks = Masks(tmp_path, LABELS, tmp_path, studies)
    values = [masks.read(case, tmp_path / f"{case}.b2nd").max() for case in ("case_7", "case_8")]
    assert values == [1, 3], "the whole name comes first"
    assert tmp_path / "case_9.b2nd" not in masks


def test_the_prepared_folders_own_masks_serve_studies_of_several_images(tmp_path):
    for number in range(2):
        write_array(tmp_path / f"masks/{number}.b2nd", np.full((1, 4, 4), number, np.uint8), {})
        write_array(tmp_path / f"images/{number}.b2nd", np.ones((1, 4, 4), np.uint8), {})
    names = ("images/0.b2nd", "images/1.b2nd")
    masks = Masks(tmp_path / "masks", LABELS, tmp_path, [study(names, masks=("masks/0.b2nd", "masks/1.b2nd"))])
    assert masks.read("one", tmp_path / names[1]).max() == 1
    assert masks.read("one", tmp_path / names[0]).max() == 0
