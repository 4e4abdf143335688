"""The row "Outline the tumour": in the pre-operative MRs that are chosen."""

from __future__ import annotations

from typing import Any

from mmhvae.bundle import InstalledBundle, ModelKind
from MMHVAESynthesisLib.engine import Callbacks, EngineRun
from slicer.i18n import tr as _

from ..case import tick
from .computed_section import ComputedSection
from .outline_inputs import chosen_contrasts, outlines, problem_of_outline
from .outline_run import Outlined, OutlineRun


class OutlineSection(ComputedSection):
    """Outlines in MR."""

    KIND, PARAMETER = ModelKind.MR_SEGMENTER, "segmenter"

    def _title(self, again: bool) -> str:
        return _("Outline the tumour again") if again else _("Outline the tumour")

    def _choice_title(self) -> str:
        return _("Tumours in MR by")

    def _tool_tip(self) -> str:
        return _("Find the tumour in the MRs chosen above. It is computed: check it, and correct it in Segment Editor.")

    def _problem(self) -> str:
        return problem_of_outline(chosen_contrasts(self._parameters), self._parameters.us)

    def _outlines(self) -> list[Any]:
        return outlines()

    def _new_run(self, segmenter: InstalledBundle, callbacks: Callbacks) -> EngineRun:
        mrs = chosen_contrasts(self._parameters)
        return OutlineRun(self.logic.engine, mrs, segmenter, self._parameters.device, callbacks)

    def _done(self, outlined: Outlined) -> None:
        if outlined.node is not None and self._parameters is not None:
            tick(self._parameters, outlined.node, True)
        self._show(outlined.middle)
        self.work.finish(told(outlined))
        self.panel.refresh()


def told(outlined: Outlined) -> str:
    """What came of it, in a few words."""
    if outlined.node is None:
        return _("{model} found no tumour. Look for yourself: it may be missed.").format(model=outlined.model)
    volumes = outlined.volumes_ml
    found = _(
        "Computed in {seconds:.0f} s by {model}: tumour {whole:.1f} ml, core {core:.1f} ml, enhancing "
        "{enhancing:.1f} ml."
    )
    numbers = found.format(
        seconds=outlined.seconds,
        model=outlined.model,
        whole=volumes["whole tumour"],
        core=volumes["tumour core"],
        enhancing=volumes["enhancing tumour"],
    )
    check = _("Not drawn by a person: check it, and correct it in Segment Editor.")
    return " ".join(part for part in (numbers, check, outlined.notice) if part)
