"""M2DN as a method: one denoiser of all modalities on a Brownian bridge from what is given to the targets.

M2DN's authors have published no code; this is a reading of Meng et al., "Multi-Modal Modality-Masked Diffusion Network
for Brain MRI Synthesis With Random Modality Missing", IEEE TMI 2024, and of what MMHVAE's paper says of its variant:
noise where an image is missing, a Brownian bridge for harmonisation, 18 steps.

- x_0 are the harmonised targets, y the given images and N(0, 1) elsewhere. The bridge runs for given modalities too,
  or nothing would be harmonised.
- The network sees x_t, y and which modalities are missing (1, as M2DN's v; MMHVAE's r is the opposite), and gives all
  clean images. It is MONAI's ``DiffusionModelUNet``, not M2DN's network with an encoder a modality: 4.33 M parameters,
  13.7 GMACs an evaluation at 192 pixels with 4 modalities.
- The loss is on all observed targets, given and missing alike.
- A modality that a case lacks has no x_0: its bridge stays at y, which is noise, and its output enters no loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmhvae.exceptions import InputError
from monai.networks.nets.diffusion_model_unet import DiffusionModelUNet
from torch import Tensor

from ..data import Batch
from .bridge import BrownianBridge
from .configuration import M2DNConfig
from .method import Baseline, Images, Inputs, Losses, Noise, Pass, Phase, Step, mean_terms, seeded
from .stacks import on_background, presence, stacked, unstacked

PARTS = 3  # of the denoiser's input: x_t, y, and what is missing


class M2DN(Baseline[M2DNConfig]):
    """There is no adversary."""

    DRAWS = True

    @classmethod
    def new(cls, config: M2DNConfig, modalities: tuple[str, ...]) -> M2DN:
        """With fresh weights, from torch's random numbers."""
        coarsest = (False,) * (len(config.channels) - 1) + (True,)
        network = DiffusionModelUNet(
            spatial_dims=2, in_channels=PARTS * len(modalities), out_channels=len(modalities),
            channels=config.channels, attention_levels=coarsest, num_res_blocks=1,
            norm_num_groups=config.groups, num_head_channels=config.head,
        )  # fmt: skip
        return cls(config, modalities, network)

    @property
    def bridge(self) -> BrownianBridge:
        """From targets to what is given."""
        return BrownianBridge(self.config.times, self.config.variance)

    def losses(self, batch: Batch, passes: Sequence[Pass], phase: Phase) -> Step:
        """Mean squared error of the clean images, or mean absolute one of the difference, at random times."""
        found = [self._loss(batch, chosen) for chosen in passes]
        return Step(mean_terms([loss for loss, _ in found]), [images for _, images in found])

    def _stack(self, inputs: Inputs, mask: Tensor, noise: Noise) -> Tensor:
        """The bridge in reverse, ``evaluations`` times the denoiser."""
        shape = (len(mask), len(self.modalities), *mask.shape[2:])
        unseen = torch.randn(shape, generator=noise, device=mask.device)
        y, missing = stacked(inputs, self.modalities, unseen), ~presence(inputs, self.modalities)

        def clean(x: Tensor, t: int) -> Tensor:
            times = torch.full((len(x),), t, device=x.device)
            return on_background(self._clean(x, self._denoised(x, y, missing, times)), mask)

        return self.bridge.reverse(y, clean, self.config.evaluations, noise).clamp(-1, 1)

    def _loss(self, batch: Batch, chosen: Pass) -> tuple[Losses, Images]:
        device, count = batch.mask.device, len(self.modalities)
        shape = (len(batch.mask), count, *batch.mask.shape[2:])
        with seeded(chosen.seed, device):
            t = torch.randint(self.config.times, shape[:1], device=device)
            unseen, noise = torch.randn(2, *shape, device=device)
            given = {name: batch.inputs[name] for name in chosen.subset}
            y, missing = stacked(given, self.modalities, unseen), ~presence(given, self.modalities)
            x0 = stacked(batch.targets, self.modalities, missing=y)
            x = self.bridge.at(t, x0, y, noise)
            output = self._denoised(x, y, missing, t)
        images = on_background(self._clean(x, output), batch.mask)
        observed = presence(batch.targets, self.modalities)
        error = F.mse_loss if self.config.objective == "clean" else F.l1_loss  # of x_0^: that of x_t - x_0 is the same
        loss = error(images[:, observed], x0[:, observed])
        return {"image": loss}, unstacked(images.detach().clamp(-1, 1), self.modalities, self.modalities)

    def _denoised(self, x: Tensor, y: Tensor, missing: Tensor, times: Tensor) -> Tensor:
        """The network's output (B, M, H, W) at times (B,)."""
        coarsest = 2 ** (len(self.config.channels) - 1)
        if any(side % coarsest for side in x.shape[2:]):
            raise InputError(f"Images for M2DN should have sides that are multiples of {coarsest}; pad them.")
        v = missing.to(x)[None, :, None, None].expand(x.shape)
        return self.network(torch.cat([x, y, v], dim=1), timesteps=times)

    def _clean(self, x: Tensor, output: Tensor) -> Tensor:
        return output if self.config.objective == "clean" else x - output
