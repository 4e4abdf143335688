"""The personalised network: MONAI's SwinUNETR, with the prior at its bottleneck and two heads for pre-training."""

from __future__ import annotations

from monai.networks.nets.swin_unetr import SwinUNETR
from torch import Tensor, nn

from .configuration import PersonalisedConfig
from .prior import PopulationPrior
from .representation import Features, RepresentationNetwork

CONTRASTIVE_SIZE = 512
ROTATIONS = 4
ROTATION_TOKEN, CONTRASTIVE_TOKEN = 0, 1


class PersonalisedNetwork(RepresentationNetwork):
    """E, O, D and the heads of Tan et al. (arXiv 2411.06106), around a SwinUNETR (Hatamizadeh et al., 2022).

    It holds a SwinUNETR and calls its parts: only z is replaced, so that with ``prior=False`` it *is* that SwinUNETR
    and ``network.swin.state_dict()`` loads into one.

    Args:
        config: sizes and parts. At the paper's size (f = 48, 96^3, M = 4) 94.5 million parameters.

    Shapes:
        forward: (B, M, *crop) -> (B, outputs, *crop).

    Raises:
        ValueError: the input's sides are not ``config.crop`` (with a prior).
    """

    OUTPUT_LAYER = "swin.out."

    def __init__(self, config: PersonalisedConfig) -> None:
        super().__init__(config)
        self.swin = SwinUNETR(
            in_channels=len(config.modalities),
            out_channels=config.outputs,
            feature_size=config.feature_size,
            depths=config.depths,
            num_heads=config.num_heads,
            window_size=config.window_size,
            norm_name=config.monai_norm,
            use_checkpoint=config.checkpointing,
        )
        channels = config.bottleneck_channels
        self.prior = PopulationPrior(channels, config.bottleneck, config.fuse) if config.prior else None
        self.contrastive_head = nn.Linear(channels, CONTRASTIVE_SIZE)
        self.rotation_head = nn.Linear(channels, ROTATIONS)

    def encode(self, image: Tensor) -> Features:
        """E: (B, M, *crop) -> features."""
        self._require_crop(image)
        *hidden, z = self.swin.swinViT(image, self.swin.normalize)
        return Features(z, tuple(hidden), image)

    def personalise(self, z: Tensor) -> Tensor:
        """X' of equation 6's right-hand side; z itself without a prior."""
        return z if self.prior is None else self.prior(z)

    def decode(self, fused: Tensor, features: Features) -> Tensor:
        """D: all modalities at once (B, M, *crop), or logits of the classes."""
        swin, (h0, h1, h2, h3) = self.swin, features.hidden
        x = swin.decoder5(swin.encoder10(fused), h3)
        x = swin.decoder4(x, swin.encoder4(h2))
        x = swin.decoder3(x, swin.encoder3(h1))
        x = swin.decoder2(x, swin.encoder2(h0))
        return swin.out(swin.decoder1(x, swin.encoder1(features.image)))

    def judged(self, z: Tensor, fused: Tensor) -> Tensor:
        """Where rotation and contrast are judged, (B, 16 f, n): z, or X' as in the authors' code."""
        return (z if self.config.heads == "encoder" else fused).flatten(2)

    def rotation_logits(self, judged: Tensor) -> Tensor:
        """F: (B, 16 f, n) -> (B, 4)."""
        return self.rotation_head(judged[..., ROTATION_TOKEN])

    def contrastive_vectors(self, judged: Tensor) -> Tensor:
        """(B, 16 f, n) -> (B, 512); of the only token where there is one."""
        return self.contrastive_head(judged[..., min(CONTRASTIVE_TOKEN, self.config.tokens - 1)])

    def _require_crop(self, image: Tensor) -> None:
        if self.prior is not None and tuple(image.shape[2:]) != self.config.crop:
            raise ValueError(
                f"The network belongs to crops of {self.config.crop} voxels, got {tuple(image.shape[2:])}; "
                "cut the volume into such crops."
            )
