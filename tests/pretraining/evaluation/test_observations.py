from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from pretraining.evaluation.labels import MaskLabels
from pretraining.evaluation.masks import Masks
from pretraining.evaluation.network import Network
from pretraining.evaluation.observations import Observer
from pretraining.evaluation.position_prior import PositionPrior
from pretraining.heads.recognition import Recognition
from pretraining.image.fit import Crops, View
from pretraining.image.normalization import Normalization
from pretraining.image.spec import EncoderSpec
from pretraining.studies.arrays import write_array
from pretraining.studies.manifest import Study
from pretraining.tags.vocabulary import load_vocabulary


def look(images):
    """A network that takes brightness for the liver, darkness for the heart."""
    maps = torch.stack([images[:, 0], -images[:, 0]], 1)
    peaks = maps.flatten(2).max(-1).values
    return Recognition(peaks, maps, peaks), functional.normalize(images.flatten(1), dim=-1)


def network(size, normalization):
    return Network(
        origin={"kind": "run"},
        spec=EncoderSpec("plainconv", len(size), 1, {}),
        view=View(size, (1,) * len(size)),
        normalization=normalization,
        vocabulary=load_vocabulary(),
        tag_ids=("liver", "heart"),
        look=look,
        read=lambda reports: functional.one_hot(torch.arange(len(reports)), 64).float(),
    )


RAW = Normalization("ct", lower=-1000, upper=1000, mean=0, std=1)


def write(folder, number, array):
    write_array(folder / f"images/{number}.b2nd", array[None].astype(np.float32), {})
    return f"images/{number}.b2nd"


def study(name, images, report, **more):
    return Study(id=name, patient=name, split="test", images=tuple(images), report=report, **more)


def test_a_study_of_several_images_counts_once(tmp_path):
    random = np.random.default_rng(0)
    arrays = [random.normal(size=(8, 8)) for _ in range(3)]
    names = [write(tmp_path, number, array) for number, array in enumerate(arrays)]
    studies = [
        study("both", names[:2], "Liver.", tags={"liver": "present"}, regions=("abdomen",)),
        study("one", names[2:], "Liver.", tags={"liver": "absent"}, regions=("abdomen",)),
    ]
    seen = Observer(network((8, 8), RAW), tmp_path, studies, None, PositionPrior([])).observe(2, 0)
    assert seen.logits[0, 0] == pytest.approx(max(arrays[0].max(), arrays[1].max()))
    assert seen.logits[1, 1] == pytest.approx(-arrays[2].min())
    directions = [array.ravel() / np.linalg.norm(array) for array in arrays]
    mean = directions[0] + directions[1]
    np.testing.assert_allclose(seen.images[0], mean / np.linalg.norm(mean), atol=1e-6)
    assert seen.groups[0] == seen.groups[1], "equal reports are no errors of each other"
    assert seen.targets.tolist() == [[1, -1], [0, -1]], "the chest touches the abdomen: nothing is known of the heart"
    assert seen.covered.tolist() == [[True, False], [True, False]]


@pytest.mark.parametrize("shape", [(16, 16), (8, 8, 8)])
def test_maps_are_compared_on_the_prepared_grid_beside_the_prior(shape, tmp_path):
    organ = np.zeros(shape, bool)
    organ[tuple(slice(2, 6) for _ in shape)] = True
    name = write(tmp_path, 0, organ.astype(float) * 5)
    labels = organ.astype(np.uint8)
    labels[-1] = 9
    write_array(tmp_path / "masks/0.b2nd", labels[None], {})
    studies = [study("one", [name], "", masks=("masks/0.b2nd",))]
    meaning = MaskLabels(tmp_path, {}, {"liver": (1,), "heart": (1,)}, ignore=9)
    masks = Masks(tmp_path / "masks", meaning, tmp_path, studies)
    prior = PositionPrior(["one"])
    prior.add("other", [("liver", np.roll(organ, 1, axis=-1))])
    seen = Observer(network(shape, RAW), tmp_path, studies, masks, prior).observe(4, 0)
    liver, heart = seen.localized
    assert (liver.tag, liver.attention.auroc, liver.attention.hit) == ("liver", 1.0, True)
    assert (heart.tag, heart.attention.auroc, heart.attention.hit, heart.prior) == ("heart", 0.0, False, None)
    assert 0.5 < liver.prior.auroc < 1
    assert liver.brightness.auroc == heart.brightness.auroc == 1.0, "the image itself, whatever the tag"
    assert liver.attention.prevalence == pytest.approx(organ.sum() / (labels != 9).sum()), "unlabelled pixels left out"


def test_every_image_of_a_study_is_seen_at_its_own_spacing(tmp_path):
    names = [write(tmp_path, number, np.random.default_rng(number).normal(size=(8, 8))) for number in range(2)]
    shapes = []

    def remember(images):
        shapes.append(tuple(images.shape[2:]))
        return look(images[:, :, :8, :8])

    seeing = replace(network((8, 8), RAW), look=remember, view=View((8, 8), (1, 1), Crops(2, (1.0, 1.0))))
    studies = [study("two", names, "Liver.", spacings=((1.0, 1.0), (2.0, 1.0)))]
    Observer(seeing, tmp_path, studies, None, PositionPrior([])).observe(1, 0)
    assert shapes == [(8, 8), (16, 8)]
