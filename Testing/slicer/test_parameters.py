"""A fresh parameter node of either panel has the core's defaults and bounds."""

from __future__ import annotations

import pytest
import rig

rig.require()

import slicer
from mmhvae.settings import NAVIGATION, PosePrior, RegistrationSettings, SynthesisSettings
from MMHVAERegistrationLib.case import case_from
from MMHVAERegistrationLib.parameters import RegistrationParameters
from MMHVAESynthesisLib.parameters import SynthesisParameters
from MMHVAESynthesisLib.synthesis import request_from


def fresh(kind):
    return kind(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode"))


def test_fresh_parameters_ask_for_the_defaults(scene):
    assert request_from(fresh(SynthesisParameters)).settings == SynthesisSettings()
    assert case_from(fresh(RegistrationParameters)).settings == RegistrationSettings()
    parameters = fresh(RegistrationParameters)
    assert PosePrior(parameters.priorTranslation, parameters.priorRotation) == NAVIGATION


@pytest.mark.parametrize(
    ("kind", "parameter", "settings", "name"),
    [
        (SynthesisParameters, "samples", SynthesisSettings, "samples"),
        (SynthesisParameters, "temperature", SynthesisSettings, "temperature"),
        (SynthesisParameters, "seed", SynthesisSettings, "seed"),
        (RegistrationParameters, "samples", SynthesisSettings, "samples"),
        (RegistrationParameters, "priorTranslation", PosePrior, "translation_mm"),
        (RegistrationParameters, "priorRotation", PosePrior, "rotation_deg"),
    ],
)
def test_the_bounds_are_the_cores(scene, kind, parameter, settings, name):
    from mmhvae.fields import rules_of

    parameters, rule = fresh(kind), rules_of(settings)[name]
    whole = isinstance(getattr(settings(), name), int)
    for end, beyond in ((rule.low, -1), (rule.high, 1)):
        value = int(end) if whole else end
        setattr(parameters, parameter, value)
        assert getattr(parameters, parameter) == value
        with pytest.raises(ValueError, match="range"):
            setattr(parameters, parameter, value + beyond)


def test_the_choices_are_the_cores(scene):
    for kind, parameter, good in (
        (SynthesisParameters, "sliceAxis", "all"),
        (RegistrationParameters, "method", "direct"),
    ):
        parameters = fresh(kind)
        setattr(parameters, parameter, good)
        with pytest.raises(ValueError, match="one of"):
            setattr(parameters, parameter, "neither")
