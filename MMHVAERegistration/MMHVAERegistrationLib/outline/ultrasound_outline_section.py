"""The row "Outline the tumour in the ultrasound": there once a model that can is installed; and what it witnesses."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmhvae import InputError
from mmhvae.answers import OutlineAgreement
from mmhvae.bundle import InstalledBundle, ModelKind
from MMHVAESynthesisLib.engine import Callbacks, EngineRun
from MMHVAESynthesisLib.nodes import require_volume
from MMHVAESynthesisLib.panel import Whole, wrapped_label
from slicer.i18n import tr as _

from ..case import moving_nodes
from .computed_section import ComputedSection
from .outline_inputs import outlines, ultrasound_outlines
from .ultrasound_outline_run import UltrasoundOutlined, UltrasoundOutlineRun, between

#: mm and cosines by which a pose may differ and still be the same.
_SAME_POSE = 1e-3


class UltrasoundOutlineSection(ComputedSection):
    """Outlines in ultrasound.

    Attributes:
        witness_label: how well the registered outline and the computed one agree.
    """

    KIND, PARAMETER = ModelKind.ULTRASOUND_SEGMENTER, "usSegmenter"

    def __init__(self, panel: Whole) -> None:
        self.witness_label = wrapped_label()
        self._outlined: UltrasoundOutlined | None = None
        super().__init__(panel)
        self.ui.outlineFrame.layout().addWidget(self.witness_label)

    def use(self, parameters: Any) -> None:
        """See :meth:`.Part.use`."""
        self._outlined = None
        super().use(parameters)

    def refresh(self) -> None:
        """Enable what can work; without a model there is nothing to be seen of it."""
        super().refresh()
        self.button.setVisible(bool(self.choice.name) or bool(self._outlines()))
        text = self._witness()
        self.witness_label.setText(text)
        self.witness_label.setVisible(bool(text))

    def _title(self, again: bool) -> str:
        return _("Outline the tumour in the ultrasound again") if again else _("Outline the tumour in the ultrasound")

    def _choice_title(self) -> str:
        return _("Tumours in ultrasound by")

    def _tool_tip(self) -> str:
        return _(
            "Find the tumour in the ultrasound itself, and tell how far the registered outline lies from it. Computed: "
            "check it, and correct it in Segment Editor."
        )

    def _problem(self) -> str:
        if self._parameters.us is None:
            return _("Choose an ultrasound volume first.")
        try:
            require_volume(self._parameters.us)
        except InputError as error:
            return str(error)
        return ""

    def _outlines(self) -> list[Any]:
        return ultrasound_outlines()

    def _new_run(self, segmenter: InstalledBundle, callbacks: Callbacks) -> EngineRun:
        ultrasound, device = self._parameters.us, self._parameters.device
        other = preoperative_outline(self._parameters)
        return UltrasoundOutlineRun(self.logic.engine, ultrasound, other, segmenter, device, callbacks)

    def _done(self, outlined: UltrasoundOutlined) -> None:
        self._outlined = outlined
        self._show(outlined.middle)
        self.work.finish(told(outlined))
        self.panel.refresh()

    def _witness(self) -> str:
        """What the two outlines say of the registration, as long as both lie as they lay then."""
        made = self._outlined
        if made is None or made.agreement is None or made.compared.GetScene() is None or self._parameters is None:
            return ""
        ultrasound = self._parameters.us
        if made.node is None or made.node.GetScene() is None or ultrasound is None:
            return ""
        assert made.between is not None
        if not np.allclose(between(made.compared, ultrasound), made.between, atol=_SAME_POSE):
            return _("The registration is another one now; outline the tumour in the ultrasound again to compare.")
        return witness_text(made.agreement, made.compared.GetName())


def preoperative_outline(parameters: Any) -> Any:
    """The segmentation that moves along and is compared: one that was computed before any other; None: none."""
    moving = [node for node in moving_nodes(parameters) if node.IsA("vtkMRMLSegmentationNode")]
    ours = ultrasound_outlines()
    found = [node for node in moving if not any(node is other for other in ours)]
    computed = [node for node in found if any(node is other for other in outlines())]
    return next(iter([*computed, *found]), None)


def told(outlined: UltrasoundOutlined) -> str:
    """What came of it, in a few words."""
    if outlined.node is None:
        text = _("{model} found no tumour in the ultrasound. Look for yourself: it may be missed.")
        return text.format(model=outlined.model)
    found = _("Computed in {seconds:.0f} s by {model}: {volume:.1f} ml in the ultrasound's field of view.")
    numbers = found.format(seconds=outlined.seconds, model=outlined.model, volume=outlined.volume_ml)
    check = _("Not drawn by a person: check it, and correct it in Segment Editor.")
    return " ".join(part for part in (numbers, check, outlined.notice) if part)


def witness_text(agreement: OutlineAgreement, name: str) -> str:
    """How far the outlines lie apart: a witness among others, never the verdict."""
    if agreement.dice is None or agreement.mean_mm is None or agreement.percentile_95_mm is None:
        return _("{name} and the computed outline cannot be compared in the field of view.").format(name=name)
    text = _(
        "One more witness, no verdict: {name} lies {mean:.1f} mm from the computed outline on average, 95 % within "
        "{most:.1f} mm; Dice {dice:.2f} in the field of view."
    )
    return text.format(name=name, mean=agreement.mean_mm, most=agreement.percentile_95_mm, dice=agreement.dice)
