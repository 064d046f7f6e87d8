from dataclasses import replace

import numpy as np
import pytest

from pretraining.phantom.acquisition import SPANS, Protocol, draw_scan
from pretraining.phantom.appearance import to_bytes
from pretraining.phantom.grid import Grid
from pretraining.phantom.organs import LABELS
from pretraining.phantom.patient import Habits, draw_patient
from pretraining.phantom.render import paint
from pretraining.phantom.streams import Stream
from pretraining.phantom.study import draw_study
from pretraining.phantom.tissues import TISSUES


def study(population, number=0):
    stream = Stream(5, "train")
    return draw_study(stream.patient(number, population.habits), stream.study(number), population)


def test_one_seed_gives_one_study(population):
    first, second = study(population), study(population)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.painting.organs, second.painting.organs)
    assert not np.array_equal(first.image, study(population, 1).image)


def test_sets_share_no_patient(population):
    bodies = [
        Stream(0, name).patient(0, population.habits).bend for name in ("train", "heldout", "labelled", "labelledtest")
    ]
    assert len({body.tobytes() for body in bodies}) == 4


@pytest.mark.parametrize("size", [(48, 40), (10, 24, 32)])
def test_images_are_as_large_as_asked_for(population, size):
    protocol = replace(population.protocol, size=size, spacing=(8.0,) * len(size))
    made = study(replace(population, protocol=protocol))
    expected = (1, *size) if len(size) == 2 else size
    assert made.image.shape == made.painting.organs.shape == expected
    assert made.image.dtype == np.int16


def test_a_slice_equals_the_plane_of_a_volume_at_its_height():
    patient = draw_patient(np.random.default_rng(1), Habits())
    values = {name: tissue.ct[2] for name, tissue in TISSUES.items()}
    volume = Grid(size=(9, 40, 48), spacing=(6, 7, 7), center=(40, 0, 0))
    slice_ = Grid(size=(1, 40, 48), spacing=(6, 7, 7), center=(float(volume.axis(0)[6]), 0, 0))
    whole, plane = (paint(patient, grid, values, magnetic=False) for grid in (volume, slice_))
    assert np.array_equal(whole.organs[6], plane.organs[0])
    assert np.allclose(whole.signal[6], plane.signal[0], atol=1e-2)


def test_visible_organs_are_those_of_the_mask(population):
    for number in range(12):
        made = study(population, number)
        counts = np.bincount(made.painting.organs.ravel(), minlength=len(LABELS) + 1)
        for organ in made.visible_organs:
            assert counts[LABELS[organ]] >= 4
        assert not set(made.visible_organs) & set(made.patient.removed)


def test_regions_show_their_organs(population):
    expected = {
        "head": "brain",
        "chest": "lung_right",
        "pelvis": "hip_left",
        "abdomen": "vertebrae",
        "neck": "vertebrae",
    }
    for region, organ in expected.items():
        protocol = replace(population.protocol, regions=(region,), partial=0.0)
        made = [study(replace(population, protocol=protocol), number) for number in range(8)]
        assert sum(organ in one.visible_organs for one in made) >= 5


def test_a_tall_volume_covers_several_regions():
    protocol = Protocol(size=(80, 32, 32), spacing=(8, 10, 10), regions=("abdomen",))
    scan = draw_scan(np.random.default_rng(0), protocol, draw_patient(np.random.default_rng(0), Habits()))
    assert set(scan.regions) >= {"abdomen", "chest", "pelvis"}
    assert set(scan.regions) <= set(SPANS)


def test_key_slices_show_a_lesion_where_the_region_has_one(population):
    def share(key_slices):
        protocol = replace(population.protocol, key_slices=key_slices, regions=("abdomen",), partial=0.0)
        made = [study(replace(population, protocol=protocol), number) for number in range(30)]
        return np.mean([bool(one.visible_lesions) for one in made])

    assert share(1.0) > 0.5 > 0.3 > share(0.0)


def test_a_scan_moves_with_the_size_of_the_body(population):
    patient = draw_patient(np.random.default_rng(0), Habits())
    protocol = replace(population.protocol, regions=("head",), key_slices=0.0)

    def height(scale):
        return draw_scan(np.random.default_rng(1), protocol, replace(patient, scale=scale)).grid.center[0]

    assert height((1.1, 1.0, 1.0)) == pytest.approx(1.1 * height((1.0, 1.0, 1.0)))


def test_ct_is_in_hounsfield_units_and_mr_is_not_negative(population):
    for modality in ("CT", "MR"):
        protocol = replace(population.protocol, modalities=(modality,), regions=("chest",), partial=0.0)
        made = study(replace(population, protocol=protocol))
        lungs = made.image[made.painting.organs == LABELS["lung_right"]]
        if modality == "CT":
            assert -950 < np.median(lungs) < -700
            assert made.image.min() >= -1024
        else:
            assert made.image.min() >= 0
            assert np.median(lungs) < np.median(made.image[made.painting.organs == LABELS["autochthon_left"]])


def test_contrast_phases_change_the_kidneys():
    patient = draw_patient(np.random.default_rng(0), Habits(lesions=0, removals=0))
    grid = Grid(size=(1, 64, 64), spacing=(5, 5, 5), center=(0, 0, 0))
    painted = [paint(patient, grid, {n: t.ct[phase] for n, t in TISSUES.items()}, magnetic=False) for phase in (0, 2)]
    kidney = painted[0].organs == LABELS["kidney_left"]
    plain, enhanced = (np.median(one.signal[kidney]) for one in painted)
    assert enhanced > plain + 80


def test_pictures_use_their_whole_range(population):
    made = study(population)
    picture = to_bytes(made.image[0], made.scan, population.look, np.random.default_rng(0))
    assert picture.dtype == np.uint8
    assert picture.min() == 0
    assert picture.max() == 255
