"""Networks of a user's own, which plans name by their import path. None has an encoder or a decoder."""

import torch
from torch import nn
from torch.nn import functional

CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}


class OwnNetwork(nn.Module):
    """Two layers see the input; deep supervision is no concern of it."""

    def __init__(self, input_channels: int, num_classes: int, dim: int, width: int = 4):
        super().__init__()
        convolution = CONVOLUTION[dim]
        self.body = nn.Sequential(convolution(input_channels, width, 3, padding=1), nn.ReLU())
        self.shortcut = convolution(input_channels, width, 1)
        self.head = convolution(width, num_classes, 1)

    def forward(self, x):
        return self.head(self.body(x) + self.shortcut(x))


class OwnSupervisedNetwork(OwnNetwork):
    """Gives logits at half the resolution too, whatever its arguments are called."""

    def __init__(self, input_channels: int, num_classes: int, dim: int, deep_supervision: bool):
        super().__init__(input_channels, num_classes, dim)
        self.deep_supervision = deep_supervision

    def forward(self, x):
        logits = super().forward(x)
        return [logits, functional.interpolate(logits, scale_factor=0.5)] if self.deep_supervision else logits


class ForgetfulNetwork(OwnNetwork):
    """Takes deep supervision as an argument, and keeps no switch."""

    def __init__(self, input_channels: int, num_classes: int, dim: int, deep_supervision: bool):
        super().__init__(input_channels, num_classes, dim)


class ChannelLastNetwork(nn.Module):
    """Its first layer is linear and sees the channels last."""

    def __init__(self, input_channels: int, num_classes: int, dim: int):
        super().__init__()
        self.embed = nn.Linear(input_channels, 4)
        self.head = CONVOLUTION[dim](4, num_classes, 1)

    def forward(self, x):
        return self.head(self.embed(x.movedim(1, -1)).relu().movedim(-1, 1))


class ScalingNetwork(OwnNetwork):
    """Its layers look like those of `OwnNetwork`, but all channels change the scale of every other."""

    def forward(self, x):
        return super().forward(x / (1 + x.abs().mean(1, keepdim=True)))


class PatchNetwork(nn.Module):
    """Every channel has more than one weight in its first layer."""

    def __init__(self, input_channels: int, num_classes: int, dim: int):
        super().__init__()
        self.first = CONVOLUTION[dim](input_channels * 2**dim, 4, 1)
        self.head = CONVOLUTION[dim](4, num_classes, 1)
        self.size = 2

    def forward(self, x):
        pieces = functional.pixel_unshuffle(x, self.size)
        return functional.interpolate(self.head(self.first(pieces).relu()), scale_factor=self.size)


class CoordinateNetwork(nn.Module):
    """Puts coordinates behind the channels that it is given."""

    def __init__(self, input_channels: int, num_classes: int, dim: int):
        super().__init__()
        self.first = CONVOLUTION[dim](input_channels + 1, 4, 3, padding=1)
        self.head = CONVOLUTION[dim](4, num_classes, 1)

    def forward(self, x):
        rows = torch.linspace(0, 1, x.shape[-2]).view(-1, 1).expand(x.shape[-2:]).expand_as(x[:, :1])
        return self.head(self.first(torch.cat([x, rows], 1)).relu())
