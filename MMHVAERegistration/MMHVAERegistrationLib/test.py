"""The module's self-test, in Slicer's form: Reload and Test runs it, and so does the extension's build."""

# ruff: noqa: PT009 - in Slicer tests are unittest's

from __future__ import annotations

import numpy as np
import slicer
from mmhvae.bundle import demo_case
from MMHVAESynthesisLib.test import SelfTest

from .logic import MMHVAERegistrationLogic
from .pose import Outcome, find_result, is_registered


class MMHVAERegistrationTest(SelfTest):
    """The demo case's T2 back onto its sweep, and what Undo gives back."""

    def setUp(self) -> None:
        """A scene with the demo case's T2."""
        super().setUp()
        self.logic = MMHVAERegistrationLogic()
        self.parameters = self.logic.getParameterNode()
        self.parameters.sweepPath = str(demo_case() / "sweep.igs.mha")
        self.parameters.calibration = str(demo_case() / "image-to-probe.txt")
        self.parameters.t2 = slicer.util.loadVolume(str(demo_case() / "preop-t2.nii.gz"), {"show": False})
        self.parameters.samples = 1
        self.outcome: Outcome | None = None

    def test_preview_and_undo(self) -> None:
        """The T2 moves under one transform, and Undo puts it back exactly."""
        self.delayDisplay("Registering the T2 of the demo case")
        self.assertEqual(self.logic.problem(self.parameters), "")
        self.logic.register(
            self.parameters,
            True,
            lambda fraction, message: None,
            lambda outcome: setattr(self, "outcome", outcome),
            lambda failure: setattr(self, "failure", failure),
        )
        self._wait(lambda: self.outcome is not None or self.failure is not None)
        self.assertIsNone(self.failure)
        self.logic.use_pending(self.parameters)  # where it was judged as failed, too
        result = find_result()
        self.assertIsNotNone(result)
        self.assertTrue(is_registered(self.parameters.t2))
        self.assertFalse(np.array_equal(self.logic.world, np.eye(4)))
        self.logic.undo()
        self.assertTrue(np.array_equal(self.logic.world, np.eye(4)))
        self.delayDisplay("Undo put the T2 back")
