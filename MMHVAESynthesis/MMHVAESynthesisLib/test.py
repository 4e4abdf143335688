"""The module's self-test, in Slicer's form: Reload and Test runs it, and so does the extension's build."""

# ruff: noqa: PT009 - in Slicer tests are unittest's

from __future__ import annotations

import time
import unittest
from collections.abc import Callable
from typing import Any

import numpy as np
import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleTest

from .engine import Failure
from .logic import MMHVAESynthesisLogic
from .sample_data import load_demo_case
from .setup import missing_packages
from .synthesis import Results

#: Seconds that the slowest computer may take.
LIMIT = 600.0


def reason_to_skip() -> str:
    """Why nothing can be tested here, in a sentence; "" where it can. Where extensions are built is no PyTorch."""
    missing = missing_packages()
    text = _(
        "The self-test was skipped, since {packages} must be installed first; open the module, and press its button."
    )
    return text.format(packages=", ".join(missing)) if missing else ""


def tell_skipped(reason: str) -> None:
    """Say so to who pressed Test: what ``skipTest`` raises, Slicer would call a failure."""
    slicer.util.infoDisplay(reason, windowTitle=_("Self-test"))


class SelfTest(ScriptedLoadableModuleTest):
    """What the self-tests of both modules share; a subclass makes the ``logic``."""

    logic: Any

    def setUp(self) -> None:
        """An empty scene."""
        reason = reason_to_skip()
        if reason:
            self.skipTest(reason)
        slicer.mrmlScene.Clear()
        self.failure: Failure | None = None

    def runTest(self) -> None:  # noqa: N802 - Slicer's name
        """Every test, each on a new scene."""
        reason = reason_to_skip()
        if reason:
            tell_skipped(reason)
            return
        for name in unittest.TestLoader().getTestCaseNames(type(self)):
            self.setUp()
            try:
                getattr(self, name)()
            finally:
                self.tearDown()

    def tearDown(self) -> None:
        """Nothing of a test goes on."""
        self.logic.close()

    def _wait(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + LIMIT
        while not condition():
            self.assertLess(time.monotonic(), end)
            slicer.app.processEvents()
            time.sleep(0.01)


class MMHVAESynthesisTest(SelfTest):
    """From the demo case to a synthetic T2, and what Cancel leaves behind."""

    def setUp(self) -> None:
        """A scene with the demo case."""
        super().setUp()
        self.assertEqual(len(load_demo_case()), 6)
        self.logic = MMHVAESynthesisLogic()
        self.parameters = self.logic.getParameterNode()
        self.parameters.synthesizeCet1 = self.parameters.synthesizeFlair = False
        self.parameters.samples = 1
        self.results: Results | None = None
        self.progress: list[float] = []

    def test_synthetic_t2_of_the_demo_case(self) -> None:
        """The sweep becomes a volume, and the T2 lies on its grid."""
        self.delayDisplay("Synthesising the T2 of the demo case")
        self._apply()
        self._wait(lambda: self.results is not None or self.failure is not None)
        self.assertIsNone(self.failure)
        assert self.results is not None
        synthetic, ultrasound = self.results.images["t2"], self.results.ultrasound
        self.assertIn("SYNTHETIC", synthetic.GetName())
        self.assertEqual(synthetic.GetImageData().GetDimensions(), ultrasound.GetImageData().GetDimensions())
        voxels = slicer.util.arrayFromVolume(synthetic)
        self.assertTrue(np.isfinite(voxels).all())
        self.assertTrue(0 <= voxels.min() < 0.2 < voxels.max() <= 1)
        self.assertFalse(voxels[slicer.util.arrayFromVolume(ultrasound) == 0].mean() > 0.1)
        self.delayDisplay("The synthetic T2 is there")

    def test_cancel_leaves_nothing(self) -> None:
        """Stopped in the middle, the scene is as before."""
        before = slicer.mrmlScene.GetNumberOfNodes()
        self._apply()
        self._wait(lambda: any(fraction > 0.1 for fraction in self.progress))
        self.logic.cancel()
        self._wait(lambda: self.failure is not None)
        assert self.failure is not None
        self.assertEqual(self.failure.kind, "cancelled")
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)
        self.delayDisplay("Cancel left the scene as it was")

    def _apply(self) -> None:
        self.assertEqual(self.logic.problem(self.parameters), "")
        self.logic.apply(
            self.parameters,
            lambda fraction, message: self.progress.append(fraction),
            lambda results: setattr(self, "results", results),
            lambda failure: setattr(self, "failure", failure),
        )
