"""What this computer lacks, and the models on it: checked, installed, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .needed_packages import missing_packages as missing_packages
    from .package_installer import PackageInstaller as PackageInstaller
    from .setup_panel import SetupPanel as SetupPanel
    from .weights_panel import WeightsPanel as WeightsPanel
else:
    __getattr__ = lazy_names(__name__, __file__)
