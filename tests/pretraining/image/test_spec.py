import pytest
import torch

from pretraining.errors import UserError
from pretraining.image.convolutional import convolutional_arguments
from pretraining.image.encoder import build_encoder
from pretraining.image.spec import EncoderSpec, cumulative_strides, feature_channels, map_stage_of


@pytest.mark.parametrize("kind", ["plainconv", "resenc"])
@pytest.mark.parametrize("dim", [2, 3])
def test_the_description_agrees_with_what_the_encoder_returns(kind, dim):
    spec = EncoderSpec(kind, dim, 2, convolutional_arguments(kind, dim, stages=3))
    features = build_encoder(spec)(torch.zeros(1, 2, *[16] * dim))
    assert [feature.shape[1] for feature in features] == feature_channels(spec)
    found = [tuple(16 // side for side in feature.shape[2:]) for feature in features]
    assert found == cumulative_strides(spec)


def test_survives_json():
    spec = EncoderSpec("plainconv", 2, 1, convolutional_arguments("plainconv", 2))
    assert EncoderSpec.from_dict(spec.to_dict()) == spec


@pytest.mark.parametrize(
    ("strides", "expected"),
    [
        ([(1, 1), (2, 2), (4, 4), (8, 8), (16, 16)], 3),
        ([(1, 1, 1), (1, 2, 2), (1, 4, 4), (2, 8, 8)], 3),
        ([(1, 1, 1), (2, 2, 2), (4, 4, 4)], 2),
    ],
)
def test_the_map_stage_is_the_first_whose_largest_stride_reaches_eight_else_the_deepest(strides, expected):
    assert map_stage_of(strides) == expected


def test_an_unknown_encoder_is_named():
    with pytest.raises(UserError, match="'resnet' is unknown; choose one of plainconv, resenc, vit"):
        EncoderSpec("resnet", 2, 1)
