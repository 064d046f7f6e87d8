import numpy as np
from nnunetv2.preprocessing.normalization.default_normalization_schemes import CTNormalization

from nnunetv2_mosmos.transfer.normalization import InputAffine, match_normalization
from pretraining.image.normalization import Normalization

CT = Normalization("ct", lower=-1000, upper=1000, mean=-50.0, std=400.0)
INTENSITIES = {"0": {"mean": 80.0, "std": 120.0, "percentile_00_5": -900.0, "percentile_99_5": 900.0}}


def test_ct_intensities_come_out_as_the_bundle_normalizes_them():
    hounsfield = np.linspace(-890, 890, 50, dtype=np.float32)[None]
    affine, notes = match_normalization(CT, ["CTNormalization"], INTENSITIES, 1)
    theirs = CTNormalization(False, INTENSITIES["0"]).run(hounsfield.copy())
    np.testing.assert_allclose(theirs * affine.scale[0] + affine.shift[0], CT(hounsfield), atol=1e-5)
    assert "mapped to the bundle's normalization" in notes[0]


def test_cascade_channels_and_channels_that_do_not_match_are_left_alone():
    affine, notes = match_normalization(CT, ["CTNormalization", "ZScoreNormalization"], INTENSITIES, 4)
    assert affine.scale[1:] == (1.0, 1.0, 1.0)
    assert affine.shift[1:] == (0.0, 0.0, 0.0)
    assert "channel 1" in notes[1] and "ZScoreNormalization" in notes[1]


def test_z_scores_match_and_say_nothing():
    assert match_normalization(Normalization(), ["ZScoreNormalization"] * 2, {}, 2) == (None, [])


def test_z_scores_against_ct_are_used_as_they_come_and_said_so():
    affine, notes = match_normalization(Normalization(), ["CTNormalization"], INTENSITIES, 1)
    assert affine is None
    assert "CTNormalization" in notes[0] and "zscore" in notes[0]


def test_it_survives_the_plans_file():
    affine = InputAffine((1.5, 1.0), (0.25, 0.0))
    assert InputAffine.from_dict(affine.to_dict()) == affine
