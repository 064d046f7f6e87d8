import json

import pytest
import torch
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from pretraining.errors import UserError
from pretraining.image.encoder import build_encoder
from pretraining.image.plans import read_plan
from pretraining.image.spec import EncoderSpec, cumulative_strides, feature_channels

UNET = "dynamic_network_architectures.architectures.unet."


def architecture(network, dim, **arguments):
    """As nnU-Net's planners write it; volumes have thick slices."""
    thick = [[1, 3, 3], [3, 3, 3], [3, 3, 3]], [[1, 1, 1], [1, 2, 2], [2, 2, 2]]
    kernels, strides = thick if dim == 3 else ([[3, 3]] * 3, [[1, 1], [2, 2], [2, 2]])
    blocks = "n_blocks_per_stage" if network == "ResidualEncoderUNet" else "n_conv_per_stage"
    planned = {
        "n_stages": 3,
        "features_per_stage": [8, 12, 16],
        "conv_op": f"torch.nn.modules.conv.Conv{dim}d",
        "kernel_sizes": kernels,
        "strides": strides,
        blocks: [1, 3, 2],
        "n_conv_per_stage_decoder": [1, 1],
        "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dim}d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    required = ["conv_op", "norm_op", "dropout_op", "nonlin"]
    return {
        "network_class_name": UNET + network,
        "arch_kwargs": {**planned, **arguments},
        "_kw_requires_import": required,
    }


@pytest.fixture
def write_plans(tmp_path):
    def write(planned, **configurations):
        first = {"patch_size": [32, 48], "spacing": [1.0, 0.8], "architecture": planned}
        file = tmp_path / "nnUNetPlans.json"
        plans = {"transpose_forward": [0, 1, 2], "configurations": {"2d": first, **configurations}}
        file.write_text(json.dumps(plans))
        return file

    return write


CHANGES = [
    {},
    {"conv_bias": False, "nonlin": "torch.nn.ReLU", "norm_op": "torch.nn.modules.batchnorm.BatchNorm{}d"},
    {"dropout_op": "torch.nn.modules.dropout.Dropout{}d", "dropout_op_kwargs": {"p": 0.1}, "kernel_sizes": 3},
]


@pytest.mark.parametrize("network", ["PlainConvUNet", "ResidualEncoderUNet"])
@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("changes", CHANGES)
def test_the_encoder_is_the_one_in_the_network_that_nnunet_builds(write_plans, network, dim, changes):
    changes = {name: value.format(dim) if isinstance(value, str) else value for name, value in changes.items()}
    volumes = {"patch_size": [16, 32, 32], "spacing": [5.0, 1.0, 1.0], "architecture": architecture(network, 3)}
    planned = architecture(network, dim, **changes)
    file = write_plans(planned if dim == 2 else None, **({"3d_fullres": volumes | {"architecture": planned}}))
    name = "2d" if dim == 2 else "3d_fullres"
    configuration = PlansManager(json.loads(file.read_text())).get_configuration(name)
    theirs = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        2,
        4,
    ).encoder.eval()
    plan = read_plan(file, name)
    spec = EncoderSpec.from_dict(json.loads(json.dumps(EncoderSpec(plan.kind, plan.dim, 2, plan.arguments).to_dict())))
    ours = build_encoder(spec).eval()
    assert {name: tensor.shape for name, tensor in ours.state_dict().items()} == {
        name: tensor.shape for name, tensor in theirs.state_dict().items()
    }
    ours.load_state_dict(theirs.state_dict())
    image = torch.randn(1, 2, *plan.patch_size)
    features = ours(image)
    for mine, other in zip(features, theirs(image), strict=True):
        torch.testing.assert_close(mine, other)
    assert [feature.shape[1] for feature in features] == feature_channels(spec)
    strides = [tuple(a // b for a, b in zip(plan.patch_size, f.shape[2:], strict=True)) for f in features]
    assert strides == cumulative_strides(spec)


def test_a_configuration_inherits_and_its_own_entries_win(write_plans):
    file = write_plans(
        architecture("PlainConvUNet", 2),
        larger={"inherits_from": "2d", "patch_size": [64, 64]},
        largest={"inherits_from": "larger", "spacing": [0.5, 0.5]},
    )
    plan, first = read_plan(file, "largest"), read_plan(file, "2d")
    assert (plan.patch_size, plan.spacing) == ((64, 64), (0.5, 0.5))
    assert plan.arguments == first.arguments


def test_what_cannot_be_pretrained_is_refused_in_one_sentence(write_plans, tmp_path):
    file = write_plans(architecture("ResidualUNet", 2))
    with pytest.raises(UserError, match="plans the network ResidualUNet for 2d; --plans takes PlainConvUNet and Resid"):
        read_plan(file, "2d")
    file = write_plans(architecture("PlainConvUNet", 2, block="there.Bottleneck"))
    with pytest.raises(UserError, match="a network with block, which"):
        read_plan(file, "2d")
    file = write_plans(architecture("PlainConvUNet", 2, nonlin="os.system"))
    with pytest.raises(UserError, match=r"'os.system' is not a class of torch.nn"):
        read_plan(file, "2d")


def test_files_that_are_no_plans_are_refused(write_plans, tmp_path):
    file = write_plans(architecture("PlainConvUNet", 2), loop={"inherits_from": "loop"}, old={"UNet_class_name": "x"})
    with pytest.raises(UserError, match=r"'3d_lowres' of .* is not in 2d, loop, old; give another --configuration"):
        read_plan(file, "3d_lowres")
    with pytest.raises(UserError, match=r"'loop' of .* inherits from itself"):
        read_plan(file, "loop")
    with pytest.raises(UserError, match="lacks or garbles 'architecture' for old; plan the dataset again"):
        read_plan(file, "old")
    for text in ("", "[]"):
        file.write_text(text)
        with pytest.raises(UserError, match="nnU-Net"):
            read_plan(file, "2d")
    with pytest.raises(UserError, match="cannot be read as nnU-Net plans"):
        read_plan(tmp_path / "missing.json", "2d")
