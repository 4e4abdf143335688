"""One Apply: what is there and what is wanted, taken off the panel's parameters, and what may be wrong with it."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmhvae import InputError
from mmhvae.images import MODALITIES
from mmhvae.settings import SynthesisSettings
from mmhvae.sweep import read_calibration
from slicer.i18n import tr as _

from ..nodes import require_sweep, require_volume
from .installed_bundles import bundle_path

_PARAMETER_NAMES = {"us": "Us", "t2": "T2", "cet1": "Cet1", "flair": "Flair"}


@dataclass(frozen=True)
class Request:
    """What Apply works on.

    Attributes:
        volumes: modality -> volume node.
        browser: tracked frames in the scene, or None; then ``volumes`` has no "us".
        sweep_path: tracked frames in a file, or "".
        calibration: as :func:`mmhvae.sweep.read_calibration` takes it; "" where the frames have it.
        targets: modalities to synthesise.
        bundle: name of the installed bundle.
        keeps_earlier: whether results of an earlier one stay as they are.
        settings: of the synthesis.
    """

    volumes: Mapping[str, Any]
    browser: Any
    sweep_path: str
    calibration: str
    targets: tuple[str, ...]
    bundle: str
    device: str
    settings: SynthesisSettings
    keeps_earlier: bool = False

    @property
    def has_sweep(self) -> bool:
        """Whether the ultrasound comes as tracked frames."""
        return bool(self.sweep_path) or self.browser is not None

    @property
    def nodes(self) -> list[Any]:
        """Every node that is read."""
        return [*self.volumes.values(), *([self.browser] if self.browser is not None else [])]

    @property
    def anchor(self) -> Any:
        """The node that the results lie beside and are named after: None where the sweep is a file."""
        if self.sweep_path:
            return None
        return self.browser or next(iter(self.volumes.values()), None)

    @property
    def reference(self) -> str:
        """The modality whose grid the results have; "" where it is the reconstructed sweep's."""
        return "" if self.has_sweep else next(iter(self.volumes), "")

    @property
    def source_name(self) -> str:
        """What the results are of, for their names."""
        return Path(self.sweep_path).name.split(".")[0] if self.sweep_path else str(self.anchor.GetName())


def request_from(parameters: Any) -> Request:
    """What ``parameters`` (see :mod:`.parameters`) ask for; nothing is checked."""
    sweep_path = parameters.sweepPath.strip()
    browser = None if sweep_path else parameters.sweepBrowser
    # In the bundle's order: the ultrasound's grid receives the results, else that of the first.
    volumes = {name: getattr(parameters, name) for name in MODALITIES}
    if sweep_path or browser is not None:
        volumes["us"] = None
    return Request(
        volumes={name: node for name, node in volumes.items() if node is not None},
        browser=browser,
        sweep_path=sweep_path,
        calibration=parameters.calibration.strip(),
        targets=tuple(name for name in MODALITIES if getattr(parameters, f"synthesize{_PARAMETER_NAMES[name]}")),
        bundle=parameters.bundle,
        device=parameters.device,
        settings=SynthesisSettings(
            samples=parameters.samples if parameters.uncertainty else 1,
            temperature=parameters.temperature,
            seed=parameters.seed,
            slice_axis=parameters.sliceAxis,
        ),
        keeps_earlier=parameters.keepsEarlier,
    )


def problem_of(request: Request) -> str:
    """Why Apply cannot work, in one sentence; "" where it can."""
    if not request.volumes and not request.has_sweep:
        return _("Choose at least one image that you have.")
    if not request.targets:
        return _("Tick at least one image that you want.")
    try:
        for node in request.volumes.values():
            _require_in_scene(node)
            require_volume(node)
        _check_sweep(request)
        bundle_path(request.bundle)
    except InputError as error:
        return str(error)
    if not _has_torch():
        return _("PyTorch is not installed in Slicer; open Check setup, and install it there.")
    return ""


def _check_sweep(request: Request) -> None:
    if request.sweep_path and not Path(request.sweep_path).is_file():
        raise InputError(_("There is no sweep file {path}; choose another one.").format(path=request.sweep_path))
    if request.sweep_path and request.calibration:
        read_calibration(request.calibration)
    if request.browser is not None:
        _require_in_scene(request.browser)
        require_sweep(request.browser, request.calibration)


def _require_in_scene(node: Any) -> None:
    if node.GetScene() is None:
        raise InputError(_("{name} was removed from the scene; choose another one.").format(name=node.GetName()))


def _has_torch() -> bool:
    """Whether the engine will find it; importing it here could crash Slicer."""
    try:
        return importlib.util.find_spec("torch") is not None
    except (ImportError, ValueError):
        return False
