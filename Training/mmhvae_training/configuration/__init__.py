"""What a run is: typed settings, from YAML files and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .configuration import (
        AdversarialConfig as AdversarialConfig,
        Configuration as Configuration,
        DataConfig as DataConfig,
        DeviceConfig as DeviceConfig,
        LossConfig as LossConfig,
        MixtureConfig as MixtureConfig,
        Norm as Norm,
        OutputConfig as OutputConfig,
        VariantConfig as VariantConfig,
        plain as plain,
        require as require,
    )
    from .parsing import parse as parse, parse_settings as parse_settings, rehearsal as rehearsal
else:
    __getattr__ = lazy_names(__name__, __file__)
