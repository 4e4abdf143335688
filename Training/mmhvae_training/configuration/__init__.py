"""What a run is: typed settings, from YAML files and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .configuration import (
        AdversarialConfig as AdversarialConfig,
        Configuration as Configuration,
        DataConfig as DataConfig,
        LossConfig as LossConfig,
        MixtureConfig as MixtureConfig,
        Norm as Norm,
        VariantConfig as VariantConfig,
    )
    from .parsing import parse_settings as parse_settings
    from .run_settings import (
        AdamWConfig as AdamWConfig,
        DeviceConfig as DeviceConfig,
        EpochsConfig as EpochsConfig,
        PolynomialConfig as PolynomialConfig,
        RunSettings as RunSettings,
        require as require,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)
