"""The module's self-test, as Reload and Test runs it, with the real engine."""

from __future__ import annotations

import unittest

import pytest
import rig

rig.require()

import slicer
from MMHVAESynthesisLib import test as self_test  # a class by its own name would be collected here


@pytest.fixture
def module(scene):
    """The module, loaded as Slicer does; its self-test is registered by that."""
    return rig.load_module("MMHVAESynthesis")


def test_the_self_test_passes(module):
    slicer.selfTests["MMHVAESynthesis"](msec=1)
    rig.process_events(100)
    assert [message for message in rig.messages if message.kind == "error"] == []


def test_the_self_test_runs_every_test_it_has(monkeypatch):
    """A test that `runTest` forgot would never run in Slicer."""
    case, ran = self_test.MMHVAESynthesisTest, []
    names = unittest.TestLoader().getTestCaseNames(case)
    monkeypatch.setattr(case, "setUp", lambda self: None)
    for name in names:
        monkeypatch.setattr(case, name, lambda self, name=name: ran.append(name))
    case().runTest()
    assert sorted(ran) == sorted(names) != []
