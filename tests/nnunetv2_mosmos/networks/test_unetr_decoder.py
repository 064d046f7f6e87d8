import torch

from nnunetv2_mosmos.networks.unetr_decoder import UnetrDecoder, UnetrSkips

LEVELS = [[1] * 3, [2] * 3, [4] * 3, [8] * 3, [16] * 3]


def monai_unetr():
    from monai.networks.nets.unetr import UNETR

    # MONAI's normalization has no weights; ours starts at their neutral values.
    return UNETR(1, 3, (32, 32, 32), hidden_size=24, mlp_dim=32, num_heads=2).eval()


def test_isotropic_tokens_of_16_make_monais_own_unetr():
    """The same weights in the same places give the same logits."""
    torch.manual_seed(0)
    reference = monai_unetr()
    skips, decoder = UnetrSkips(3, 1, 24, LEVELS), UnetrDecoder(3, 24, LEVELS, 3, deep_supervision=False)
    pairs = [(skips.image, reference.encoder1), (decoder.seg_layers[0], reference.out)]
    pairs += [(path, getattr(reference, f"encoder{number}")) for number, path in enumerate(skips.taps, start=2)]
    pairs += [(stage, getattr(reference, f"decoder{number}")) for number, stage in enumerate(decoder.stages, start=2)]
    for ours, theirs in pairs:
        # Both list a block's convolutions in the same order; ours has affine norms between them.
        weights = [value for value in ours.parameters() if value.ndim > 1]
        with torch.no_grad():
            for value, other in zip(weights, [value for value in theirs.parameters() if value.ndim > 1], strict=True):
                assert value.shape == other.shape
                value.copy_(other)
    with torch.no_grad():
        decoder.seg_layers[0].conv.conv.bias.copy_(reference.out.conv.conv.bias)
    image = torch.randn(1, 1, 32, 32, 32)
    last, hidden = reference.vit(image)
    taps = [reference.proj_feat(tokens) for tokens in (hidden[3], hidden[6], hidden[9], last)]
    torch.testing.assert_close(decoder(skips(image, taps)), reference(image), rtol=1e-4, atol=1e-4)
