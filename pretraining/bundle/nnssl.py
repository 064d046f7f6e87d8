"""The checkpoint of another kind: what nnU-Net's development branch finetunes from.

Read at commit 0e49508 (13 July 2026) of MIC-DKFZ/nnUNet: `like_nnssl.py` in `experiment_planning/`,
`pretrainedTrainer.py` and `dynamicPretrainedTrainer.py` in `training/nnUNetTrainer/pretraining/`; and the format's
writer, `adaptation_plan.py` at commit 7044864 of MIC-DKFZ/nnssl. Release 2.8.1 of nnU-Net has none of it. The rules of
the loader:

1. `torch.load(weights_only=True)` gives a dictionary with `network_weights`, a state dictionary, and
   `nnssl_adaptation_plan`, plain types; `citations`, where present, is a list of dictionaries with `type`, `name` and
   `apa_citations`.
2. The plan has `architecture_plans` (`arch_class_name`, `arch_kwargs`, `arch_kwargs_requiring_import`), `pretrain_plan`
   (whose first of `configurations` has `spacing` and `patch_size`), `pretrain_num_input_channels`,
   `recommended_downstream_patchsize`, `key_to_encoder`, `key_to_stem`, `keys_to_in_proj` and `key_to_lpe`.
3. The class is found by its dotted path, which ends in `PlainConvUNet` or `ResidualEncoderUNet`, and called with
   `arch_kwargs`, `input_channels`, `num_classes` and `deep_supervision`; the arguments named in
   `arch_kwargs_requiring_import` are dotted paths, or None.
4. The weights below `key_to_encoder` and those below `key_to_stem`, each without that prefix, are loaded strictly into
   the finetuned network's modules of those names: every name, nnU-Net's second names (`all_modules`) included.
5. For more input channels than `pretrain_num_input_channels`, the weight of the first of `keys_to_in_proj` is repeated
   along its second axis by five-dimensional numbers. This works for the residual encoder, whose stem lies outside
   `key_to_encoder`, and for one channel; the plain encoder can be finetuned with its own number of channels only.
6. `spacing` None leaves the dataset's own spacing; intensities are always z-scored; the configuration is `3d_fullres`
   and takes `recommended_downstream_patchsize` for its patch.
7. The dynamic trainer takes the kernels and the depth of pretraining from the plan's `architecture_kwargs`, and guesses
   where they are absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from pretraining.bundle.info import BundleInfo
from pretraining.errors import UserError
from pretraining.image.encoder import build_encoder
from pretraining.image.spec import EncoderSpec

UNETS = "dynamic_network_architectures.architectures.unet"
# Class, stem, and the two names of the first convolution (rules 3 to 5).
ARCHITECTURES = {
    "plainconv": ("PlainConvUNet", "encoder.stages.0", "encoder.stages.0.0.convs.0"),
    "resenc": ("ResidualEncoderUNet", "encoder.stem", "encoder.stem.convs.0"),
}
# nnU-Net's decoders: two convolutions a stage beside the plain encoder, one beside the residual one.
DECODER_CONVOLUTIONS = {"plainconv": 2, "resenc": 1}
CONFIGURATION = "3d_fullres"
NORMALIZATIONS = {"zscore": "ZScoreNormalization", "ct": "CTNormalization"}


def refuse_other_encoders(spec: EncoderSpec) -> None:
    """Refuse what the loader cannot build.

    Raises:
        UserError: see above.
    """
    if spec.kind not in ARCHITECTURES or spec.dim != 3:
        raise UserError(
            f"--format nnssl carries 3D encoders of the kinds {' and '.join(ARCHITECTURES)} only, for nnU-Net can "
            f"build no other from it; this one is a {spec.dim}D {spec.kind}: export it with --format bundle"
        )


def nnssl_checkpoint(info: BundleInfo, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """What `torch.save` shall write.

    Args:
        info: describes the encoder.
        tensors: `encoder.*`; all others stay behind.

    Returns:
        Tensors and plain types, by the rules above.

    Raises:
        UserError: an encoder that the loader cannot build.
    """
    refuse_other_encoders(info.encoder)
    encoder = build_encoder(info.encoder)
    encoder.load_state_dict(
        {name.removeprefix("encoder."): tensor for name, tensor in tensors.items() if name.startswith("encoder.")},
        strict=False,
    )
    return {
        # As a plain dictionary: `state_dict` also carries versions of modules.
        "network_weights": {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()},
        "nnssl_adaptation_plan": _adaptation_plan(info),
        "citations": [{"type": "Pretraining", "name": "MOSMOS", "apa_citations": list(info.citations)}],
        "license": info.license,
    }


def _adaptation_plan(info: BundleInfo) -> dict[str, Any]:
    spec, patch = info.encoder, list(info.image_size)
    name, stem, first = ARCHITECTURES[spec.kind]
    arguments = _network_arguments(spec)
    return {
        "architecture_plans": {
            "arch_class_name": f"{UNETS}.{name}",
            "arch_kwargs": arguments,
            "arch_kwargs_requiring_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "architecture_kwargs": {key: arguments[key] for key in ("n_stages", "kernel_sizes")},
        "pretrain_plan": {
            "configurations": {
                CONFIGURATION: {
                    # Whole images of any spacing were scaled into the patch.
                    "spacing": list(info.crops.spacing) if info.crops and info.crops.count > 1 else None,
                    "patch_size": patch,
                    "normalization_schemes": [NORMALIZATIONS[info.normalization.scheme]] * spec.input_channels,
                }
            }
        },
        "pretrain_num_input_channels": spec.input_channels,
        "recommended_downstream_patchsize": patch,
        "key_to_encoder": "encoder.stages",
        "key_to_stem": stem,
        "keys_to_in_proj": [f"{first}.conv", f"{first}.all_modules.0"],
        "key_to_lpe": None,
    }


def _network_arguments(spec: EncoderSpec) -> dict[str, Any]:
    """The arguments of nnU-Net's network class, classes as dotted paths."""
    return {
        "n_conv_per_stage_decoder": [DECODER_CONVOLUTIONS[spec.kind]] * (spec.arguments["n_stages"] - 1),
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
        **spec.arguments,
    }
