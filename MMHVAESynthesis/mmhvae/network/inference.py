"""The network prepared for inference: the same numbers from the same weights, in about half the time.

On a CPU much of an ordinary pass goes into reordering memory around the convolutions and into normalisation, not into
multiply-adds. A copy of the network avoids that: tensors stay channels-last from the first convolution to the image,
weights hold the reduced precision and need no casts, weight normalisation is worked out once, the widest tensors are
made and used part by part, and the gates of squeeze-and-excitation scale the weights of the 1x1 convolution that
follows. The copy cannot be trained. On other devices the network runs as it is, under autocast where the precision is
reduced.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .cells import NORM_EPS, DecoderCell, EncoderCell, ExpertCell, ImageDecoder, ResidualBlock, SqueezeExcitation
from .model import MMHVAE, CoarsestLevel, Encoding, FinerLevel, UnimodalEncoder

#: Bytes an image of one part of the widest tensors: between a core's own cache and the shared one.
PART_BYTES = 5 << 19
CHANNELS_IN_STEP = 16  # a vector register of float32; parts hold a multiple of it


def prepared(network: MMHVAE, device: torch.device, dtype: torch.dtype = torch.float32) -> MMHVAE:
    """``network`` for inference on ``device``, to be run under :func:`computing` and without gradients.

    On a CPU a copy of its own, which later changes of the weights do not reach; else ``network`` itself, moved.
    """
    if device.type != "cpu":
        return network.to(device)
    # Not copy.deepcopy: copies share the class that weight normalisation made, so undoing it would break the original.
    # Nor on the meta device, which imports much of torch and takes longer than drawing weights in vain.
    with torch.random.fork_rng(devices=[]):
        copy = MMHVAE(network.config)
    copy.load_state_dict(network.state_dict())
    for module in list(copy.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    for module in copy.modules():
        module.__class__ = _INFERENCE_CLASSES.get(type(module), type(module))
    copy = copy.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return copy.eval().requires_grad_(False)


@contextmanager
def computing(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Arithmetic of a :func:`prepared` network: exactly float32, or reduced to ``dtype``."""
    context: AbstractContextManager[object]
    if device.type == "cpu":  # the weights' type says it all
        context = nullcontext()
    elif dtype == torch.float32:
        # On recent NVIDIA GPUs torch's float32 convolutions would be TF32, with a mantissa of 10 bits.
        # cudnn.flags would set what it is not told to its own defaults, and switch cuDNN off.
        cudnn = torch.backends.cudnn
        context = cudnn.flags(cudnn.enabled, cudnn.benchmark, deterministic=cudnn.deterministic, allow_tf32=False)
    else:
        context = torch.autocast(device.type, dtype)
    with context:
        yield


def normalised(x: Tensor) -> Tensor:
    """Instance normalisation of a channels-last (B, C, H, W).

    torch's own would bring it into the other order first. Its group normalisation, which would not, subtracts two
    large numbers from each other, and its batch normalisation adds up plainly: either costs float32 one or two digits.
    In bfloat16 those are not there to lose, and batch normalisation sums in float32; one image at a time, so that the
    batch size changes nothing.
    """
    if x.dtype != torch.float32:
        images = [F.batch_norm(image, None, None, training=True, eps=NORM_EPS) for image in x.split(1)]
        return images[0] if len(images) == 1 else torch.cat(images)
    centred = x - x.mean((2, 3), keepdim=True)
    variance = centred.square().mean((2, 3), keepdim=True)
    return centred.mul_((variance + NORM_EPS).rsqrt_())


def activated(x: Tensor) -> Tensor:
    """SiLU after instance normalisation."""
    return F.silu(normalised(x), inplace=True)


def channels_last(x: Tensor, like: Tensor) -> Tensor:
    """``x`` (B, C, H, W) in the type of ``like``, a weight, and in channels-last order."""
    return x.to(like.dtype).contiguous(memory_format=torch.channels_last)


def global_mean(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C). Unlike ``mean()`` it makes no float32 copy of bfloat16; it adds in float32 anyway."""
    return x.sum((2, 3)) / (x.shape[2] * x.shape[3])


def gate_of(mean: Tensor, gate: SqueezeExcitation) -> Tensor:
    """Factors of squeeze-and-excitation (B, 1, C, 1, 1), to scale the weights (C_out, C, 1, 1)."""
    return gate.excite(F.relu(gate.squeeze(mean))).sigmoid()[:, None, :, None, None]


def projected(x: Tensor, weights: Tensor) -> Tensor:
    """1x1 convolution of each image with weights (B, C_out, C, 1, 1) of its own, without bias."""
    images = [F.conv2d(image, weight) for image, weight in zip(x.split(1), weights, strict=True)]
    return images[0] if len(images) == 1 else torch.cat(images)


class _EncoderCell(EncoderCell):
    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv1(activated(x))
        residual = self.conv2(activated(residual))
        return (residual * gate_of(global_mean(residual), self.gate)[:, 0]).add_(x)


class _DecoderCell(DecoderCell):
    def forward(self, x: Tensor) -> Tensor:
        narrow = normalised(x)
        wide = [self._wide(narrow, channels) for channels in self._parts(x)]  # 6C channels in all
        gates = gate_of(torch.cat([global_mean(part) for part in wide], dim=1), self.gate)
        sizes = [part.shape[1] for part in wide]
        for part, weights in zip(wide, (self.project.weight * gates).split(sizes, dim=2), strict=True):
            x = projected(part, weights).add_(x)
        return x.add_(self.project.bias[:, None, None]) if self.project.bias is not None else x

    def _parts(self, x: Tensor) -> list[slice]:
        """Ranges of the 6C channels, of ``PART_BYTES`` an image at most; the same whatever the batch size."""
        width = self.expand.out_channels
        fitting = PART_BYTES // x[0, 0].nbytes // CHANNELS_IN_STEP * CHANNELS_IN_STEP
        step = max(CHANNELS_IN_STEP, fitting)
        return [slice(start, start + step) for start in range(0, width, step)]

    def _wide(self, x: Tensor, part: slice) -> Tensor:
        """(B, C, H, W) -> (B, part of 6C, H, W): expanded, then filtered channel by channel."""
        expand, depthwise = self.expand, self.depthwise
        wide = activated(F.conv2d(x, expand.weight[part], padding=expand.padding))  # a bias would be subtracted again
        filtered = F.conv2d(wide, depthwise.weight[part], padding=depthwise.padding, groups=wide.shape[1])
        return activated(filtered)


class _ExpertCell(ExpertCell):
    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        x = torch.cat([features, skip], dim=1)  # (B, 2C, H, W)
        x = self.conv1(activated(x))
        x = self.conv2(activated(x))
        return projected(x, self.head.weight * gate_of(global_mean(x), self.gate))


class _ResidualBlock(ResidualBlock):
    def forward(self, x: Tensor) -> Tensor:
        return normalised(self.conv2(F.relu_(normalised(self.conv1(x))))).add_(x)


class _ImageDecoder(ImageDecoder):
    def forward(self, z1: Tensor) -> Tensor:
        x = channels_last(z1, self.head.weight)
        x = self.blocks(x if self.project is None else self.project(x))
        x = F.leaky_relu_(normalised(self.smooth(x)), 0.2)
        return torch.tanh(self.head(x))  # (B, 1, H, W)


class _UnimodalEncoder(UnimodalEncoder):
    def forward(self, image: Tensor) -> Encoding:
        return super().forward(channels_last(image, self.stem.weight))


class _CoarsestLevel(CoarsestLevel):
    def features(self, latent: Tensor) -> Tensor:
        return super().features(latent.to(self.to_features.weight.dtype))


class _FinerLevel(FinerLevel):
    def features(self, above: Tensor) -> Tensor:
        return super().features(channels_last(above, self.merge.weight))


_INFERENCE_CLASSES: dict[type[nn.Module], type[nn.Module]] = {
    EncoderCell: _EncoderCell,
    DecoderCell: _DecoderCell,
    ExpertCell: _ExpertCell,
    ResidualBlock: _ResidualBlock,
    ImageDecoder: _ImageDecoder,
    UnimodalEncoder: _UnimodalEncoder,
    CoarsestLevel: _CoarsestLevel,
    FinerLevel: _FinerLevel,
}
