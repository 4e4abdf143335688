"""Networks that were trained elsewhere, as plain U-Nets of the core: MONAI's DynUNet, and what nnU-Net v2 trained.

The same numbers in the same order give the same logits. DynUNet has no biases before its norms, so they are 0 here.
nnU-Net's networks with residual encoders, in 2-D, or with dropout are not plain ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmhvae.exceptions import InputError
from mmhvae.segmentation import ImageRules, Over, PlainUNet, PlainUNetConfig
from torch import Tensor

from .nnunet_engine import FINAL
from .small_configuration import SmallUNetConfig

PLAIN = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
State = Mapping[str, Tensor]


def small_plan(config: SmallUNetConfig) -> PlainUNetConfig:
    """The plan of a small network."""
    levels = len(config.channels)
    return PlainUNetConfig(
        features=config.channels,
        kernels=((3, 3, 3),) * levels,
        strides=((1, 1, 1), *((2, 2, 2),) * (levels - 1)),
        encoder_convolutions=(2,) * levels,
        decoder_convolutions=(2,) * (levels - 1),
    )


def from_small(config: SmallUNetConfig, state: State) -> PlainUNet:
    """A small network's weights in the plain one."""
    plan = small_plan(config)
    last = len(plan.features) - 1
    names = ["input_block", *(f"downsamples.{level}" for level in range(last - 1)), "bottleneck"]
    found: dict[str, Tensor] = {}
    for level, block in enumerate(names):
        found |= _small_block(state, block, f"encoder.{level}")
    for level in range(last):
        block = f"upsamples.{level}"  # from the coarsest
        found[f"up.{level}.weight"] = state[f"{block}.transp_conv.conv.weight"]
        found[f"up.{level}.bias"] = torch.zeros(plan.features[last - 1 - level])
        found |= _small_block(state, f"{block}.conv_block", f"decoder.{level}")
    found |= {f"head.{part}": state[f"output_block.conv.conv.{part}"] for part in ("weight", "bias")}
    return _filled(plan, found)


def _small_block(state: State, block: str, name: str) -> dict[str, Tensor]:
    found = {}
    for number in range(2):
        weight = state[f"{block}.conv{number + 1}.conv.weight"]
        found[f"{name}.{number}.0.weight"] = weight
        found[f"{name}.{number}.0.bias"] = torch.zeros(len(weight))
        for part in ("weight", "bias"):
            found[f"{name}.{number}.1.{part}"] = state[f"{block}.norm{number + 1}.{part}"]
    return found


def nnunet_plan(model: Path) -> tuple[PlainUNetConfig, ImageRules, tuple[int, int, int]]:
    """Plan, image rules and patch of what nnU-Net trained, by its ``plans.json``.

    Raises:
        InputError: it cannot be read, or is of no plain 3-D network on one untransposed channel.
    """
    name = model.name.split("__")[-1]
    try:
        plans = json.loads((model / "plans.json").read_text(encoding="utf-8"))
        settings = plans["configurations"][name]
        kind, plan = settings["architecture"]["network_class_name"], settings["architecture"]["arch_kwargs"]
        plain = kind == PLAIN and plan["conv_op"].endswith("Conv3d") and plan["dropout_op"] is None
        upright = list(plans["transpose_forward"]) == [0, 1, 2]
        if not plain or not upright or settings["normalization_schemes"] != ["ZScoreNormalization"]:
            raise InputError(f"{model} is no plain 3-D network of one channel; export one of nnU-Net's default plans.")
        config = PlainUNetConfig(
            features=tuple(plan["features_per_stage"]),
            kernels=tuple(_triple(kernel) for kernel in plan["kernel_sizes"]),
            strides=tuple(_triple(stride) for stride in plan["strides"]),
            encoder_convolutions=tuple(plan["n_conv_per_stage"]),
            decoder_convolutions=tuple(plan["n_conv_per_stage_decoder"]),
        )
        depth, height, width = (float(step) for step in settings["spacing"])
        over: Over = "field of view" if settings["use_mask_for_norm"][0] else "box"
        return config, ImageRules((depth, height, width), over, None), _triple(settings["patch_size"])
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"The plans of {model} cannot be read; give the folder that nnU-Net trained in.") from error


def from_nnunet(plan: PlainUNetConfig, model: Path, fold: int) -> PlainUNet:
    """A fold's weights in the plain network.

    Raises:
        InputError: the checkpoint cannot be read, or is of another network than the plan's.
    """
    path = model / f"fold_{fold}" / FINAL
    try:
        with torch.serialization.safe_globals(list(_harmless())):
            state: State = torch.load(path, map_location="cpu", weights_only=True)["network_weights"]
        found = dict(_nnunet_tensors(plan, state))
        return _filled(plan, found)
    except Exception as error:
        # torch.load tells damage, and what it will not execute, by many kinds of exception.
        raise InputError(f"{path} holds no weights of the network that the plans describe; train it again.") from error


def _harmless() -> Iterator[Any]:
    """What nnU-Net's checkpoints hold beside tensors and plain Python: numpy's numbers, in their logs."""
    yield from (np.dtype, np.ndarray)
    yield from {type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8")}
    multiarray = np.zeros(1)[0].__reduce__()[0]
    yield multiarray


def _nnunet_tensors(plan: PlainUNetConfig, state: State) -> Iterator[tuple[str, Tensor]]:
    for level, count in enumerate(plan.encoder_convolutions):
        yield from _nnunet_block(state, f"encoder.stages.{level}.0", f"encoder.{level}", count)
    for level, count in enumerate(plan.decoder_convolutions):
        for part in ("weight", "bias"):
            yield f"up.{level}.{part}", state[f"decoder.transpconvs.{level}.{part}"]
        yield from _nnunet_block(state, f"decoder.stages.{level}", f"decoder.{level}", count)
    last = len(plan.decoder_convolutions) - 1
    for part in ("weight", "bias"):
        yield f"head.{part}", state[f"decoder.seg_layers.{last}.{part}"]


def _nnunet_block(state: State, block: str, name: str, count: int) -> Iterator[tuple[str, Tensor]]:
    for number in range(count):
        for place, layer in enumerate(("conv", "norm")):
            for part in ("weight", "bias"):
                yield f"{name}.{number}.{place}.{part}", state[f"{block}.convs.{number}.{layer}.{part}"]


def _filled(plan: PlainUNetConfig, state: State) -> PlainUNet:
    network = PlainUNet(plan)
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    return network.eval()


def _triple(values: Any) -> tuple[int, int, int]:
    depth, height, width = ([values] * 3) if isinstance(values, int) else values
    return int(depth), int(height), int(width)
