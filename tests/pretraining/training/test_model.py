import pytest
import torch
from torch.nn import functional

from pretraining.image.convolutional import convolutional_arguments
from pretraining.image.spec import EncoderSpec, cumulative_strides
from pretraining.image.vit import vit_arguments
from pretraining.training.model import PretrainingModel

TAGS = functional.normalize(torch.randn(3, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
TINY_VIT = {"hidden_size": 12, "mlp_dim": 24, "num_layers": 2, "num_heads": 2, "taps": [0, 1]}


def model_of(spec, map_stride=None):
    torch.manual_seed(0)
    return PretrainingModel(spec, 16, map_stride, 8, 0.07)


def spec_of(kind, dim):
    if kind == "vit base":
        return EncoderSpec("vit", dim, 1, vit_arguments("base", dim, 32, 16))
    if kind == "vit":
        return EncoderSpec("vit", dim, 1, {**vit_arguments("small", dim, 32, 8), **TINY_VIT})
    arguments = convolutional_arguments(kind, dim, stages=4)
    blocks = {"n_blocks_per_stage": [1, 1, 2, 1]} if kind == "resenc" else {}
    return EncoderSpec(kind, dim, 1, {**arguments, "features_per_stage": [4, 6, 8, 10], **blocks})


@pytest.mark.parametrize("kind", ["plainconv", "resenc", "vit", "vit base"])
@pytest.mark.parametrize("dim", [2, 3])
def test_every_encoder_embeds_images_and_pixels_and_learns(kind, dim):
    spec = spec_of(kind, dim)
    model = model_of(spec, None if spec.kind == "vit" else 4)
    embedded = model.embed_images(torch.randn(2, 1, *[32] * dim))
    grid = [32 // step for step in cumulative_strides(spec)[model.map_stage]]
    assert embedded.image.shape == (2, 8)
    assert embedded.pixels.shape == (2, 8, *grid)
    torch.testing.assert_close(embedded.pixels.norm(dim=1), torch.ones(2, *grid))
    found = model.recognition(embedded.pixels, TAGS)
    assert found.maps.shape == (2, 3, *grid)
    (found.logits.sum() + embedded.image.sum()).backward()
    silent = [name for name, weight in model.encoder.named_parameters() if weight.grad is None]
    assert silent == []


def test_without_deep_context_pixels_depend_on_no_deeper_stage():
    torch.manual_seed(0)
    model = PretrainingModel(spec_of("plainconv", 2), 16, 4, 8, 0.07, deep_context=False)
    features = model.encoder(torch.randn(1, 1, 32, 32))
    before = model.pixel_projector(features)
    features[-1] = torch.randn_like(features[-1])
    assert torch.equal(model.pixel_projector(features), before)
    model.recognition(model.embed_images(torch.randn(1, 1, 32, 32)).pixels, TAGS).logits.sum().backward()
    learning = [any(p.grad.abs().max() > 0 for p in stage.parameters()) for stage in model.encoder.stages]
    assert learning == [True, True, True, False]


@pytest.mark.parametrize("kind", ["plainconv", "vit"])
@pytest.mark.parametrize("dim", [2, 3])
def test_crops_of_a_study_are_attended_to_as_one(kind, dim):
    model = model_of(spec_of(kind, dim), None if kind == "vit" else 8).eval()
    crops = torch.randn(2, 3, 1, *[32] * dim)
    with torch.no_grad():
        joined = model.embed_images(crops)
        alone = [[model.embed_images(crops[study, [crop]]) for crop in range(3)] for study in range(2)]
        found = model.recognition(joined.pixels, TAGS)
        pooled = torch.stack(
            [torch.stack([model.encoder(crops[s, [c]])[-1].flatten(2).mean(-1)[0] for c in range(3)]) for s in (0, 1)]
        )
        image = functional.normalize(model.image_projector(pooled.mean(1)), dim=-1)
    torch.testing.assert_close(joined.image, image)
    for study in range(2):
        # One row of positions, whatever crop they come from: softmax over all of them.
        positions = torch.cat([one.pixels[0].flatten(1) for one in alone[study]], dim=1)
        torch.testing.assert_close(joined.pixels[study].flatten(1), positions)
        attention = torch.softmax(TAGS @ positions / 0.07, dim=-1)
        expected = (attention @ positions.T) @ model.recognition.value.weight.T
        torch.testing.assert_close(found.pooled[study], expected)


def test_one_crop_is_one_image():
    model = model_of(spec_of("plainconv", 2), 4).eval()
    image = torch.randn(2, 1, 32, 32)
    whole, crop = model.embed_images(image), model.embed_images(image[:, None])
    torch.testing.assert_close(whole.pixels, crop.pixels)
    torch.testing.assert_close(whole.image, crop.image)
