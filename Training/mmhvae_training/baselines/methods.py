"""Baselines by name, at their papers' sizes or at one that two cores can train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

from mmhvae.exceptions import InputError

from .configuration import M2DNConfig, MMGANConfig, ResViTConfig
from .m2dn import M2DN
from .method import Baseline
from .mm_gan import MMGAN
from .resvit import ResViT

Settings = MMGANConfig | ResViTConfig | M2DNConfig

#: Name -> the settings of the original.
METHODS: Mapping[str, Settings] = MappingProxyType(
    {"mm-gan": MMGANConfig(), "resvit": ResViTConfig(), "m2dn": M2DNConfig()}
)
#: Name -> settings for two cores and images of 96 or 192 pixels.
SMALL: Mapping[str, Settings] = MappingProxyType(
    {
        "mm-gan": MMGANConfig(levels=5, width=24),
        "resvit": ResViTConfig(side=96, width=16, layers=2, hidden=48, heads=4, discriminator_width=16),
        "m2dn": M2DNConfig(channels=(16, 32, 32), groups=8, head=16),
    }
)


def settings_of(name: str, size: Literal["original", "small"] = "original", side: int | None = None) -> Settings:
    """A method's settings.

    Args:
        side: of the images that ResViT should take as they are, a multiple of 16; the others take any side.

    Raises:
        InputError: no such method.
    """
    known = METHODS if size == "original" else SMALL
    if name not in known:
        raise InputError(f"There is no method {name}; choose among mmhvae, {', '.join(known)}.")
    found = known[name]
    return replace(found, side=side) if side is not None and isinstance(found, ResViTConfig) else found


def new_baseline(settings: Settings, modalities: tuple[str, ...]) -> Baseline[Any]:
    """The method that the settings are of, with fresh weights from torch's random numbers."""
    if isinstance(settings, MMGANConfig):
        return MMGAN.new(settings, modalities)
    if isinstance(settings, ResViTConfig):
        return ResViT.new(settings, modalities)
    return M2DN.new(settings, modalities)
