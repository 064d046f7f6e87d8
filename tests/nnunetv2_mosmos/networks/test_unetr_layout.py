import json

import pytest

from nnunetv2_mosmos.networks.unetr_layout import deep_supervision_scales, level_strides, token_size, unetr_arguments
from pretraining.errors import UserError
from pretraining.image.spec import EncoderSpec
from pretraining.image.vit import vit_arguments

# Strides as nnU-Net plans them (and, last, as no planner but a user's hand writes them).
ISOTROPIC = [[1, 1, 1]] + [[2, 2, 2]] * 5
HIPPOCAMPUS = [[1, 1, 1]] + [[2, 2, 2]] * 3
PROSTATE = [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2], [1, 2, 2], [1, 2, 2]]
THICK_SLICES = [[1, 1, 1], [1, 2, 2], [1, 2, 2], [2, 2, 2], [2, 2, 2], [2, 2, 2]]
TINY = [[1, 1, 1]] + [[2, 2, 2]] * 2
FLAT = [[1, 1]] + [[2, 2]] * 3
THIRDS = [[1, 1, 1], [3, 3, 3], [3, 3, 3], [1, 2, 2]]
BIG_STEPS = [[1, 1], [8, 8], [4, 4]]


@pytest.mark.parametrize(
    ("strides", "token", "levels"),
    [
        (ISOTROPIC, [16] * 3, [[1] * 3, [2] * 3, [4] * 3, [8] * 3, [16] * 3]),
        (HIPPOCAMPUS, [8] * 3, [[1] * 3, [2] * 3, [4] * 3, [8] * 3]),
        (PROSTATE, [4, 16, 16], [[1, 1, 1], [1, 2, 2], [2, 4, 4], [4, 8, 8], [4, 16, 16]]),
        # Five resolutions below the full one, but four taps: the coarsest above the tokens is left out.
        (THICK_SLICES, [8, 16, 16], [[1, 1, 1], [1, 2, 2], [1, 4, 4], [2, 8, 8], [8, 16, 16]]),
        (TINY, [4] * 3, [[1] * 3, [2] * 3, [4] * 3]),
        (FLAT, [8, 8], [[1, 1], [2, 2], [4, 4], [8, 8]]),
        (THIRDS, [9, 9, 9], [[1] * 3, [3] * 3, [9] * 3]),
        (BIG_STEPS, [16, 16], [[1, 1], [8, 8], [16, 16]]),
    ],
)
def test_levels_follow_the_plan_down_to_the_tokens(strides, token, levels):
    assert token_size(strides) == token
    assert level_strides(strides, max_steps=4) == levels


def test_fewer_taps_make_fewer_levels():
    assert level_strides(ISOTROPIC, max_steps=2) == [[1] * 3, [2] * 3, [16] * 3]
    assert level_strides(ISOTROPIC, max_steps=1) == [[1] * 3, [16] * 3]


def test_scales_are_nnunets_own_down_to_the_level_above_the_tokens():
    assert deep_supervision_scales(level_strides(PROSTATE, 4)) == [
        [1, 1, 1],
        [1, 1 / 2, 1 / 2],
        [1 / 2, 1 / 4, 1 / 4],
        [1 / 4, 1 / 8, 1 / 8],
    ]


def test_a_plan_that_never_downsamples_is_refused():
    with pytest.raises(UserError, match="never downsamples"):
        unetr_arguments([4, 4, 4], [[1, 1, 1]], 1)


def test_a_patch_that_the_strides_do_not_divide_is_refused():
    with pytest.raises(UserError, match=r"\[40, 56, 40\] is no multiple of the token size \[16, 16, 16\]"):
        unetr_arguments([40, 56, 40], ISOTROPIC, 1)


def test_the_bundles_transformer_decides_width_and_depth():
    spec = EncoderSpec("vit", 2, 1, vit_arguments("small", 2, 96, 16))
    arguments = unetr_arguments([20, 320, 256], PROSTATE, 3, spec)
    encoder = arguments["encoder_arguments"]
    assert encoder == {**spec.arguments, "patch_size": [4, 16, 16], "image_size": [20, 320, 256]}
    assert (arguments["dim"], arguments["input_channels"]) == (3, 3)


@pytest.mark.parametrize("bundle_encoder", [None, EncoderSpec("plainconv", 2, 1, {})])
def test_vit_b_without_a_transformer_in_the_bundle(bundle_encoder):
    arguments = unetr_arguments([96, 96, 96], ISOTROPIC, 1, bundle_encoder)
    assert arguments["encoder_arguments"] == vit_arguments("base", 3, 96, 16)


def test_arguments_are_plain_types():
    arguments = unetr_arguments((20, 320, 256), [tuple(stride) for stride in PROSTATE], 1)
    assert json.loads(json.dumps(arguments)) == arguments
