import pytest
import torch
from torch import nn

from nnunetv2_mosmos.transfer.encoder import transfer_encoder
from nnunetv2_mosmos.transfer.table import part_of, pretrained_parts
from pretraining.image.encoder import build_encoder
from pretraining.image.spec import EncoderSpec


def encoder(
    kind: str,
    dim: int,
    channels: int = 1,
    features: tuple[int, ...] = (4, 6, 8),
    depth: int = 3,
    strides: list[list[int]] | None = None,
) -> nn.Module:
    kernel, step = ([3, 3], [2, 2]) if dim == 2 else ([depth, 3, 3], [1, 2, 2])
    stages = len(features)
    blocks = {"n_conv_per_stage": [2] * stages} if kind == "plainconv" else {"n_blocks_per_stage": [1, 2, 2]}
    arguments = {
        "n_stages": stages,
        "features_per_stage": list(features),
        "kernel_sizes": [kernel] * stages,
        "strides": strides or [[1] * dim] + [step] * (stages - 1),
        **blocks,
    }
    return build_encoder(EncoderSpec(kind, dim, channels, arguments))


def load(target: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    parameters = dict(target.named_parameters())
    with torch.no_grad():
        for name, values in tensors.items():
            parameters[name].copy_(values)


@pytest.mark.parametrize("kind", ["plainconv", "resenc"])
@pytest.mark.parametrize("inflation", ["centre", "mean"])
def test_a_whole_inflated_encoder_sees_a_depth_constant_volume_as_the_flat_one_sees_the_image(kind, inflation):
    """Slices only touch the border's zeros through kernels of depth 3: with depth 1 all of them are interior."""
    flat, deep = encoder(kind, 2), encoder(kind, 3, depth=1)
    transfer = transfer_encoder(flat.state_dict(), deep, 1, inflation)
    assert transfer.table.share == 1
    load(deep, transfer.tensors)
    image = torch.randn(1, 1, 16, 16)
    volume = image.unsqueeze(2).expand(-1, -1, 4, -1, -1)
    for plane, features in zip(flat(image), deep(volume), strict=True):
        torch.testing.assert_close(features, plane.unsqueeze(2).expand_as(features), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["plainconv", "resenc"])
def test_kernels_of_depth_three_inflated_at_the_centre_give_the_flat_result_in_every_slice(kind):
    """Through all stages, strided along depth too: outside its middle such a kernel is zero, at the border as well."""
    flat, deep = encoder(kind, 2), encoder(kind, 3, strides=[[1, 1, 1], [2, 2, 2], [2, 2, 2]])
    transfer = transfer_encoder(flat.state_dict(), deep, 1)
    assert transfer.table.share == 1
    load(deep, transfer.tensors)
    image = torch.randn(1, 1, 16, 16)
    volume = image.unsqueeze(2).expand(-1, -1, 8, -1, -1)
    for plane, features in zip(flat(image), deep(volume), strict=True):
        torch.testing.assert_close(features, plane.unsqueeze(2).expand_as(features), atol=1e-4, rtol=1e-4)


def test_a_deep_encoder_collapsed_sees_an_image_as_the_volume_without_depth():
    deep, flat = encoder("plainconv", 3), encoder("plainconv", 2)
    transfer = transfer_encoder(deep.state_dict(), flat, 1)
    assert {row.action for row in transfer.table.rows if row.tensor.endswith("conv.weight")} == {"collapsed"}
    load(flat, transfer.tensors)
    image = torch.randn(1, 1, 12, 12)
    volume = image.unsqueeze(2).expand(-1, -1, 5, -1, -1)
    expected = deep.stages[0][0].convs[0].conv(volume)[:, :, 2]
    torch.testing.assert_close(flat.stages[0][0].convs[0].conv(image), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("source_depth", "target_depth", "action"), [(1, 3, "padded"), (3, 1, "cropped")])
def test_anisotropic_plans_take_kernels_of_another_depth(source_depth, target_depth, action):
    source = encoder("plainconv", 3, depth=source_depth)
    target = encoder("plainconv", 3, depth=target_depth, strides=[[1, 1, 1], [1, 2, 2], [2, 2, 2]])
    table = transfer_encoder(source.state_dict(), target, 1).table
    assert table.share == 1
    assert {row.action for row in table.rows if row.tensor.endswith("conv.weight")} == {action}


def test_other_stage_counts_are_accounted_for_in_both_directions():
    short, long = encoder("plainconv", 2), encoder("plainconv", 2, features=(4, 6, 8, 8))
    table = transfer_encoder(short.state_dict(), long, 1).table
    assert {part_of(row.tensor) for row in table.rows if row.detail == "not in the bundle"} == {"stages.3"}
    table = transfer_encoder(long.state_dict(), short, 1).table
    assert (table.share, len(table.unused)) == (1, 8)
    assert table.summary().endswith("(24 copied of 24 tensors); 8 tensors of the bundle have no place here")
    unused = [line for line in table.lines() if " unused " in line]
    assert len(unused) == 8 and all(line.startswith("stages.3.") for line in unused)


def test_depth_three_gives_the_flat_result_in_the_interior_before_normalization():
    flat, deep = encoder("plainconv", 2), encoder("plainconv", 3)
    load(deep, transfer_encoder(flat.state_dict(), deep, 1, "mean").tensors)
    image = torch.randn(1, 1, 12, 12)
    plane = flat.stages[0][0].convs[0].conv(image)
    features = deep.stages[0][0].convs[0].conv(image.unsqueeze(2).expand(-1, -1, 5, -1, -1))
    torch.testing.assert_close(features[:, :, 1:4], plane.unsqueeze(2).expand(-1, -1, 3, -1, -1), atol=1e-5, rtol=1e-5)


def test_equal_encoders_are_copied_whole_normalization_included():
    source, target = encoder("resenc", 3), encoder("resenc", 3)
    for parameter in source.parameters():
        nn.init.normal_(parameter)
    transfer = transfer_encoder(source.state_dict(), target, 1)
    assert {row.action for row in transfer.table.rows} == {"copied"}
    load(target, transfer.tensors)
    x = torch.randn(1, 1, 8, 8, 8)
    assert all(torch.equal(a, b) for a, b in zip(source(x), target(x), strict=True))


def test_a_wider_stage_is_skipped_with_its_biases_and_norms_and_counted():
    source, target = encoder("plainconv", 2, features=(4, 6, 8)), encoder("plainconv", 2, features=(4, 6, 10))
    table = transfer_encoder(source.state_dict(), target, 1).table
    skipped = [row for row in table.rows if not row.transferred]
    assert {part_of(row.tensor) for row in skipped} == {"stages.2"}
    assert len(skipped) == 8
    assert "bundle has (8, 6, 3, 3), network has (10, 6, 3, 3)" in skipped[0].detail
    assert table.share == pytest.approx(
        1 - sum(row.parameters for row in skipped) / sum(p.numel() for p in target.parameters())
    )
    assert pretrained_parts(table.rows) == ("stages.0", "stages.1")


def test_a_bias_does_not_outlive_its_weight():
    source, target = encoder("plainconv", 2, features=(4, 6, 8)), encoder("plainconv", 2, features=(4, 7, 8))
    rows = {row.tensor: row for row in transfer_encoder(source.state_dict(), target, 1).table.rows}
    assert rows["stages.2.0.convs.0.conv.weight"].action == "skipped"
    assert rows["stages.2.0.convs.0.norm.weight"].detail == "the weight of its layer does not fit"
    assert rows["stages.2.0.convs.1.conv.weight"].action == "copied"
    assert pretrained_parts(rows.values()) == ("stages.0",)


def test_only_the_input_layer_takes_other_channel_counts():
    source, target = encoder("resenc", 2), encoder("resenc", 2, channels=4)
    rows = {row.tensor: row for row in transfer_encoder(source.state_dict(), target, 4).table.rows}
    assert rows["stem.convs.0.conv.weight"].action == "adapted"
    assert all(row.action == "copied" for name, row in rows.items() if name != "stem.convs.0.conv.weight")


def test_another_family_transfers_nothing():
    table = transfer_encoder(encoder("plainconv", 2).state_dict(), encoder("resenc", 2), 1).table
    assert table.share == 0
    assert "0 % of the parameters" in table.summary() and "not in the bundle" in table.summary()


def test_names_and_shapes_suffice():
    with torch.device("meta"):
        target = encoder("plainconv", 3)
    transfer = transfer_encoder(encoder("plainconv", 2).state_dict(), target, 1)
    assert transfer.table.share == 1
    assert all(tensor.device.type == "cpu" for tensor in transfer.tensors.values())


def test_a_transformer_is_taken_to_another_dimension_token_size_and_channel_count():
    arguments = {"hidden_size": 12, "mlp_dim": 24, "num_layers": 2, "num_heads": 3, "taps": [0, 1]}
    source = build_encoder(EncoderSpec("vit", 2, 1, {**arguments, "patch_size": [8, 8], "image_size": [32, 32]}))
    target = build_encoder(EncoderSpec("vit", 3, 2, {**arguments, "patch_size": [2, 4, 4], "image_size": [4, 8, 8]}))
    transfer = transfer_encoder(source.state_dict(), target, 2)
    rows = {row.tensor: row for row in transfer.table.rows}
    assert transfer.table.share == 1
    assert rows["patch_embedding.weight"].action == rows["position_embeddings"].action == "inflated"
    load(target, transfer.tensors)
    assert torch.equal(target.blocks[1].attn.qkv.weight, source.blocks[1].attn.qkv.weight)
    assert pretrained_parts(transfer.table.rows) == (
        "position_embeddings",
        "patch_embedding",
        "blocks.0",
        "blocks.1",
        "norm",
    )
