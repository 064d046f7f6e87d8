import pytest
import yaml

from pretraining.errors import UserError
from pretraining.training.config import ImageConfig, ObjectiveConfig, OptimizationConfig, TextConfig, TrainConfig

PLANS = {"plans": "nnUNetPlans.json", "configuration": "2d"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "vit", "map_stride": 4}, "--map-stride has no effect with --encoder vit"),
        ({"encoder": "vit", "deep_context": False}, "--no-deep-context has no effect with --encoder vit"),
        ({"encoder": "vit", "stages": 6}, "--stages has no effect with --encoder vit"),
        ({"vit": "small"}, "--vit has no effect without --encoder vit"),
        ({"encoder": "resenc", "vit_patch_size": 16}, "--vit-patch-size has no effect without --encoder vit"),
        ({"vit_weights": "vit"}, "--vit-weights has no effect without --encoder vit"),
        ({"encoder": "vit", "vit_weights": "vit", "vit": "base"}, "--vit has no effect beside --vit-weights"),
        ({**PLANS, "encoder": "plainconv"}, "--encoder has no effect beside --plans"),
        ({**PLANS, "stages": 4}, "--stages has no effect beside --plans"),
        ({**PLANS, "dim": 2}, "--dim has no effect beside --plans"),
        ({"plans": "nnUNetPlans.json"}, "--plans and --configuration belong together"),
        ({"crop_spacing": (1.0, 1.0)}, "--crop-spacing has no effect without several --crops"),
        ({"crops": 2}, "--crops needs a spacing; give --crop-spacing, or --plans"),
        ({"crops": 2, "crop_spacing": (1.0,)}, r"--crop-spacing \(1.0,\) does not fit --dim 2; give 2 positive"),
        ({"crops": 2, "crop_spacing": (0.0, 1.0)}, r"--crop-spacing \(0.0, 1.0\) does not fit --dim 2"),
        ({"dim": 3, "image_size": (64, 64)}, r"--image-size \(64, 64\) does not fit --dim 3; give 3 positive"),
        ({"image_size": (96, 100), "stages": 4}, r"--image-size \(96, 100\) does not fit --stages 4"),
        ({"stages": 0}, "--stages must be at least 1, not 0"),
    ],
)
def test_an_option_without_effect_is_refused_in_one_sentence(options, message):
    with pytest.raises(UserError, match=message) as caught:
        ImageConfig(**options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("group", "option", "number", "message"),
    [
        (OptimizationConfig, "epochs", 0, "--epochs must be at least 1, not 0"),
        (OptimizationConfig, "learning_rate", -1.0, "--learning-rate must be above 0, not -1.0"),
        (OptimizationConfig, "learning_rate", float("nan"), "--learning-rate must be above 0, not nan"),
        (OptimizationConfig, "text_rate_factor", -0.5, "--text-rate-factor must be 0 or more, not -0.5"),
        (OptimizationConfig, "weight_decay", -1.0, "--weight-decay must be 0 or more, not -1.0"),
        (OptimizationConfig, "warmup_fraction", 3.0, "--warmup-fraction must be from 0 to 1, not 3.0"),
        (OptimizationConfig, "clip_gradient", -1.0, r"--clip-gradient must be above 0 \(inf clips none\), not -1.0"),
        (OptimizationConfig, "clip_gradient", 0.0, r"--clip-gradient must be above 0 \(inf clips none\), not 0.0"),
        (OptimizationConfig, "seed", -1, "--seed must be 0 or more, not -1"),
        (ObjectiveConfig, "masked_fraction", 1.0, "--masked-fraction must be between 0 and 1, not 1.0"),
        (ObjectiveConfig, "attention_temperature", 0.0, "--attention-temperature must be above 0, not 0.0"),
        (TextConfig, "scratch_hidden_size", 0, "--scratch-hidden-size must be a positive multiple of 32, not 0"),
        (TextConfig, "scratch_hidden_size", 48, "--scratch-hidden-size must be a positive multiple of 32, not 48"),
        (TextConfig, "scratch_layers", 0, "--scratch-layers must be at least 1, not 0"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_in_one_sentence(group, option, number, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        group(**{option: number})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"dim": 2, "encoder": "plainconv", "stages": 6, "map_stride": 8, "image_size": (224, 224), "vit": None}),
        ({"dim": 3}, {"image_size": (128, 128, 128)}),
        ({"encoder": "vit"}, {"vit": "small", "vit_patch_size": 16, "stages": None, "map_stride": None}),
        ({"encoder": "vit", "vit_weights": "vit"}, {"vit": None, "vit_patch_size": None}),
        ({**PLANS, "crops": 2}, {"dim": None, "encoder": None, "stages": None, "map_stride": 8, "image_size": ()}),
        ({"crops": 3, "crop_spacing": (1.5, 1.0)}, {"crop_spacing": (1.5, 1.0)}),
    ],
)
def test_defaults_are_said_where_they_have_an_effect_and_survive_the_run_folder(options, expected):
    config = TrainConfig(image=ImageConfig(**options))
    assert {name: getattr(config.image, name) for name in expected} == expected
    assert TrainConfig.from_dict(yaml.safe_load(yaml.safe_dump(config.to_dict()))) == config
