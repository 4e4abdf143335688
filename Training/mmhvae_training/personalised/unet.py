"""A U-Net to compare with, and which network a configuration is of.

One U-Net with zeros in place of what is missing, as U-HVED (Dorent et al., MICCAI 2019) is compared with; MONAI's
SegResNet (Myronenko, 2018) is that U-Net here. It has no prior, and no heads for rotation and contrast.
"""

from __future__ import annotations

from monai.networks.nets.segresnet import SegResNet
from torch import Tensor

from .configuration import PersonalisedConfig
from .network import PersonalisedNetwork
from .representation import Features, RepresentationNetwork


class UNet(RepresentationNetwork):
    """SegResNet with ``feature_size`` filters at full resolution; four resolutions, z at an eighth.

    Shapes:
        forward: (B, M, D, H, W), sides divisible by 8 -> (B, outputs, D, H, W).
    """

    OUTPUT_LAYER = "unet.conv_final.2."

    def __init__(self, config: PersonalisedConfig) -> None:
        super().__init__(config)
        norm = "instance" if config.norm == "instance" else ("group", {"num_groups": 4})
        self.unet = SegResNet(
            init_filters=config.feature_size,
            in_channels=len(config.modalities),
            out_channels=config.outputs,
            norm=norm,
        )

    def encode(self, image: Tensor) -> Features:
        z, hidden = self.unet.encode(image)
        return Features(z, tuple(hidden), image)

    def decode(self, fused: Tensor, features: Features) -> Tensor:
        return self.unet.decode(fused, list(reversed(features.hidden)))


def new_network(config: PersonalisedConfig) -> RepresentationNetwork:
    """The paper's network, or a baseline, with fresh weights from torch's random numbers."""
    return UNet(config) if config.network == "unet" else PersonalisedNetwork(config)
