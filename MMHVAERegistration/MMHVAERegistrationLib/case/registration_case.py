"""One registration: what is there, taken off the panel's parameters, and what may be wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mmhvae import InputError
from mmhvae.images import MODALITIES, MR_MODALITIES
from mmhvae.settings import PosePrior, RegistrationSettings, SynthesisSettings
from MMHVAESynthesisLib.nodes import require_volume
from MMHVAESynthesisLib.synthesis import Request, bundle_path, problem_of
from slicer.i18n import tr as _

from ..pose import before_to_world
from .region import Region

MR_NAMES = MR_MODALITIES
SYNTHESIS, DIRECT = "synthesis", "direct"
_USES = {"t2": "useT2", "cet1": "useCet1", "flair": "useFlair"}


@dataclass(frozen=True)
class Case:
    """What Register works on.

    Attributes:
        ultrasound: as the synthesis takes it, with the MRs' modalities as its targets.
        mrs: modality -> volume node of the pre-operative MRs that are registered.
        settings: of the registration; its method is "direct" where that was chosen or no model is installed.
        region: within which the ultrasound is registered, or None.
        why_direct: why no synthesis takes part though it was asked for; "" where it does.
    """

    ultrasound: Request
    mrs: Mapping[str, Any]
    settings: RegistrationSettings
    why_direct: str
    region: Region | None = None

    @property
    def nodes(self) -> list[Any]:
        """Every node that is read."""
        regions = [self.region.node] if self.region is not None else []
        return [*self.ultrasound.nodes, *self.mrs.values(), *regions]

    @property
    def is_direct(self) -> bool:
        """Whether the ultrasound itself is registered."""
        return self.settings.method == DIRECT


def case_from(parameters: Any) -> Case:
    """What ``parameters`` (see :mod:`.parameters`) ask for; nothing is checked."""
    mrs = {name: getattr(parameters, name) for name in MR_NAMES if getattr(parameters, _USES[name])}
    mrs = {name: node for name, node in mrs.items() if node is not None}
    method, why_direct = parameters.method, ""
    if method == SYNTHESIS:
        try:
            bundle_path(parameters.bundle)
        except InputError as error:
            method, why_direct = DIRECT, str(error)
    prior = PosePrior(parameters.priorTranslation, parameters.priorRotation) if parameters.prior else None
    synthesis = SynthesisSettings(samples=parameters.samples)
    settings = RegistrationSettings(method, prior, synthesis=synthesis)
    marked = parameters.regionBox or parameters.regionSegments
    region = Region(marked, parameters.regionSegment if marked is parameters.regionSegments else "") if marked else None
    return Case(_ultrasound(parameters, tuple(mrs), synthesis), mrs, settings, why_direct, region)


def compared_mr(parameters: Any) -> Any:
    """The MR that is compared with the ultrasound in the views: the one chosen for it, or the first, or None."""
    mrs = case_from(parameters).mrs
    return mrs.get(parameters.shown) or next(iter(mrs.values()), None)


def _ultrasound(parameters: Any, targets: tuple[str, ...], settings: SynthesisSettings) -> Request:
    sweep_path = parameters.sweepPath.strip()
    browser = None if sweep_path else parameters.sweepBrowser
    volume = None if sweep_path or browser is not None else parameters.us
    return Request(
        volumes={"us": volume} if volume is not None else {},
        browser=browser,
        sweep_path=sweep_path,
        calibration=parameters.calibration.strip(),
        targets=targets,
        bundle=parameters.bundle,
        device=parameters.device,
        settings=settings,
    )


def problem_of_case(case: Case) -> str:
    """Why Register cannot work, in one sentence; "" where it can."""
    if not case.ultrasound.volumes and not case.ultrasound.has_sweep:
        return _("Choose the ultrasound that you have.")
    if not case.mrs:
        return _("Choose at least one pre-operative MR, in the row of what it is, and tick it.")
    try:
        _check_mrs(case)
        if case.region is not None:
            case.region.check()
    except InputError as error:
        return str(error)
    return _problem_of_ultrasound(case)


def _check_mrs(case: Case) -> None:
    seen: list[Any] = list(case.ultrasound.volumes.values())
    for name, node in case.mrs.items():
        if node.GetScene() is None:
            raise InputError(_("{name} was removed from the scene; choose another one.").format(name=node.GetName()))
        require_no_other_row(name, node, seen)
        seen.append(node)
        before_to_world(node)
        require_volume(node)


def require_no_other_row(contrast: str, node: Any, others: Iterable[Any]) -> None:
    """That an MR is chosen for this contrast alone.

    Args:
        contrast: its name, such as "t2".
        node: its volume.
        others: what is chosen in other rows, the ultrasound's included.

    Raises:
        InputError: it is one of the others.
    """
    if any(node is other for other in others):
        text = _("{name} is chosen as {contrast} and in another row, too; choose each image once.")
        raise InputError(text.format(name=node.GetName(), contrast=MODALITIES[contrast].name))


def _problem_of_ultrasound(case: Case) -> str:
    """What the synthesis would say; without one, its model counts for nothing."""
    problem = problem_of(case.ultrasound)
    if case.is_direct and problem and case.why_direct == problem:
        return ""
    return problem
