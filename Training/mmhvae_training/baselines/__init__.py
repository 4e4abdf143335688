"""The methods that the paper compares with, MM-GAN, ResViT and M2DN, behind one protocol, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .baseline_method import (
        BaselineMethod as BaselineMethod,
        new_baseline_state as new_baseline_state,
    )
    from .bridge import BrownianBridge as BrownianBridge
    from .configuration import (
        M2DNConfig as M2DNConfig,
        MMGANConfig as MMGANConfig,
        ResViTConfig as ResViTConfig,
    )
    from .costs import Cost as Cost, cost_of as cost_of
    from .method import Baseline as Baseline, Pass as Pass, Phase as Phase, Step as Step, Synthesiser as Synthesiser
    from .methods import METHODS as METHODS, new_baseline as new_baseline, settings_of as settings_of
    from .mmhvae import MMHVAESynthesiser as MMHVAESynthesiser
    from .run_configuration import BaselineConfiguration as BaselineConfiguration
    from .runs import load_baseline as load_baseline
else:
    __getattr__ = lazy_names(__name__, __file__)
