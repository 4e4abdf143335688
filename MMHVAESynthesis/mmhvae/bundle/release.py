"""The authors' released checkpoint -> a network of ours.

The checkpoint is a bare state dict: the configuration is inferred from the shapes of its tensors and the order
of its keys. What no tensor tells (soft clamp, tanh output, 0.5 mm) is constant in the release.
"""

from __future__ import annotations

import math
import os
import pickle
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..exceptions import InputError
from ..network import MMHVAE, MMHVAEConfig

_NOT_A_CHECKPOINT = "{path} is not a released MMHVAE checkpoint; choose the authors' CP_main_1000.pth, or a bundle."

#: The release's parameter names -> ours, as regular expressions on whole names.
_RENAMES: tuple[tuple[str, str], ...] = (
    (r"first_conv\.(\w+)", r"encoders.\1.stem"),
    (r"conv_blocks_context\.(\w+)\.(\d+)\.conv_0", r"encoders.\1.cells.\2.conv1"),
    (r"conv_blocks_context\.(\w+)\.(\d+)\.conv_1", r"encoders.\1.cells.\2.conv2"),
    (r"conv_blocks_context\.(\w+)\.(\d+)\.se\.se\.0", r"encoders.\1.cells.\2.gate.squeeze"),
    (r"conv_blocks_context\.(\w+)\.(\d+)\.se\.se\.2", r"encoders.\1.cells.\2.gate.excite"),
    (r"td\.(\w+)\.(\d+)", r"encoders.\1.downs.\2"),
    (r"bottleneck_down\.linear", r"coarsest.to_expert"),
    (r"bottleneck_up\.linear", r"coarsest.to_features"),
    (r"tu\.(\d+)\.conv_1", r"levels.\1.merge"),
    (r"conv_blocks_localization\.(\d+)\.conv_0", r"levels.\1.decode.expand"),
    (r"conv_blocks_localization\.(\d+)\.dw_conv_1", r"levels.\1.decode.depthwise"),
    (r"conv_blocks_localization\.(\d+)\.se_2\.se\.0", r"levels.\1.decode.gate.squeeze"),
    (r"conv_blocks_localization\.(\d+)\.se_2\.se\.2", r"levels.\1.decode.gate.excite"),
    (r"conv_blocks_localization\.(\d+)\.conv_2", r"levels.\1.decode.project"),
    (r"pz\.(\d+)", r"levels.\1.prior"),
    (r"qz\.(\d+)\.conv_0", r"levels.\1.expert.conv1"),
    (r"qz\.(\d+)\.conv_1", r"levels.\1.expert.conv2"),
    (r"qz\.(\d+)\.se\.se\.0", r"levels.\1.expert.gate.squeeze"),
    (r"qz\.(\d+)\.se\.se\.2", r"levels.\1.expert.gate.excite"),
    (r"qz\.(\d+)\.last_conv", r"levels.\1.expert.head"),
    (r"final_blocks\.(\w+)\.convt2", r"decoders.\1.smooth"),
    (r"final_blocks\.(\w+)\.convt3", r"decoders.\1.head"),
)
_LEAF = r"\.(weight|bias|parametrizations\.weight\.original[01])"
_COMPILED = tuple((re.compile(old + _LEAF), new) for old, new in _RENAMES)
_RESIDUAL = re.compile(r"final_blocks\.(\w+)\.res\.(\d+)(?:\.conv_block\.([15]))?\.(weight|bias)")


def load_release(path: str | Path) -> MMHVAE:
    """The network of a released ``.pth`` state dict, in release fusion mode, on the CPU and in evaluation mode.

    Raises:
        InputError: the file is missing, is no checkpoint, would run code, or doesn't fit the architecture.
    """
    state = _read_state_dict(Path(path))
    try:
        config = infer_config(state)
        network = MMHVAE(config)
        network.load_state_dict(renamed(state, config))
    except (KeyError, ValueError, IndexError, RuntimeError, ZeroDivisionError) as error:
        raise InputError(_NOT_A_CHECKPOINT.format(path=path)) from error
    return network.eval()


def infer_config(state: Mapping[str, Tensor]) -> MMHVAEConfig:
    """The configuration that a released state dict was made with; images are assumed square.

    Raises:
        KeyError, ValueError: an expected tensor is missing, or the numbers don't fit together.
    """
    modalities = tuple(key.split(".")[1] for key in state if re.fullmatch(r"first_conv\.\w+\.weight", key))
    if not modalities:
        raise ValueError("no first convolution")
    first = modalities[0]
    cap = state["bottleneck_down.linear.bias"].shape[0] // 4
    pools = _count(state, rf"td\.{first}\.\d+\.weight")
    side = math.isqrt(state["bottleneck_up.linear.bias"].shape[0] // cap)
    return MMHVAEConfig(
        modalities=modalities,
        image_size=side * 2**pools,
        base_features=state[f"first_conv.{first}.weight"].shape[0],
        max_features=cap,
        num_pools=pools,
        decoder_features=state[f"final_blocks.{first}.convt2.weight"].shape[0],
        decoder_blocks=_count(state, rf"final_blocks\.{first}\.res\.\d+\.conv_block\.1\.weight"),
        fusion="release",
    )


def renamed(state: Mapping[str, Tensor], config: MMHVAEConfig) -> dict[str, Tensor]:
    """The state dict under our parameter names.

    Raises:
        KeyError: a name that the release's architecture doesn't have.
    """
    has_projection = config.base_features // 2 != config.decoder_features
    return {_renamed_key(key, int(has_projection)): tensor for key, tensor in state.items()}


def _renamed_key(key: str, first_block: int) -> str:
    if match := _RESIDUAL.fullmatch(key):
        modality, index, conv, leaf = match.groups()
        if conv is None:
            return f"decoders.{modality}.project.{leaf}"
        return f"decoders.{modality}.blocks.{int(index) - first_block}.conv{1 if conv == '1' else 2}.{leaf}"
    for pattern, replacement in _COMPILED:
        if match := pattern.fullmatch(key):
            return f"{match.expand(replacement)}.{match.group(match.lastindex or 0)}"
    raise KeyError(key)


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    return sum(re.fullmatch(pattern, key) is not None for key in state)


def _is_intact(path: Path) -> bool:
    """Whether the checksums of a zipped checkpoint hold: torch writes them, and never looks at them again."""
    if not zipfile.is_zipfile(path):
        return True  # torch's older format has none
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except zlib.error:
        return False


def _read_state_dict(path: Path) -> dict[str, Tensor]:
    if not os.path.isfile(path):  # Path.is_file raises where a folder is closed to the user or a name too long
        raise InputError(f"There is no file {path}; check the path of the checkpoint.")
    try:
        intact = _is_intact(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError(_NOT_A_CHECKPOINT.format(path=path)) from error
    if not intact:
        raise InputError(f"The weights in {path} do not match their checksums; get the checkpoint again.")
    if not isinstance(state, Mapping) or not all(isinstance(x, Tensor) for x in state.values()):
        raise InputError(_NOT_A_CHECKPOINT.format(path=path))
    return dict(state)
