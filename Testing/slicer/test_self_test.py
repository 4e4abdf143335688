"""The modules' self-tests, as Reload and Test runs them, with the real engine."""

from __future__ import annotations

import unittest

import pytest
import rig

rig.require()

import slicer
from MMHVAERegistrationLib import test as registration  # a class by its own name would be collected here
from MMHVAESynthesisLib import test as synthesis

pytestmark = pytest.mark.long

CASES = {
    "MMHVAESynthesis": synthesis.MMHVAESynthesisTest,
    "MMHVAERegistration": registration.MMHVAERegistrationTest,
}


@pytest.mark.parametrize("name", CASES)
def test_the_self_test_passes(scene, name):
    rig.load_module(name)  # as Slicer does; its self-test is registered by that
    slicer.selfTests[name](msec=1)
    rig.process_events(100)
    assert [message for message in rig.messages if message.kind == "error"] == []


@pytest.mark.parametrize("name", CASES)
def test_without_torch_the_self_test_says_that_it_was_skipped(scene, monkeypatch, name):
    """Reload and Test calls `runTest` by itself, and shows whatever is raised as a failure: a skip, too."""
    monkeypatch.setattr(synthesis, "missing_packages", lambda: ["torch"])
    rig.load_module(name)
    before = scene.GetNumberOfNodes()
    slicer.selfTests[name](msec=1)
    ((kind, text),) = [(message.kind, message.text) for message in rig.messages]
    assert kind == "info"
    assert text == (
        "The self-test was skipped, since torch must be installed first; open the module, and press its button."
    )
    assert scene.GetNumberOfNodes() == before
    result = unittest.TestResult()  # as the extension's build runs it
    unittest.TestLoader().loadTestsFromTestCase(CASES[name]).run(result)
    assert result.wasSuccessful()
    assert len(result.skipped) == result.testsRun > 0


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_self_test_runs_every_test_it_has(monkeypatch, case):
    """A test that `runTest` forgot would never run in Slicer."""
    ran = []
    names = unittest.TestLoader().getTestCaseNames(case)
    for name in ("setUp", "tearDown"):
        monkeypatch.setattr(case, name, lambda self: None)
    for name in names:
        monkeypatch.setattr(case, name, lambda self, name=name: ran.append(name))
    case().runTest()
    assert sorted(ran) == sorted(names) != []
