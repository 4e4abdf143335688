"""Only what was made of the ultrasound alone is registered to; what else there is stays as it is, and is spoken of."""

from __future__ import annotations

import rig

rig.require()

import numpy as np
import pytest
import slicer
from mmhvae.settings import RegistrationSettings, SynthesisSettings
from MMHVAERegistrationLib.case.registration_case import Case
from MMHVAERegistrationLib.case.usable_results import keeps_earlier, mixed_results, usable_results, warning_of_mixed
from MMHVAESynthesisLib.nodes import FileImage, ijk_to_ras
from MMHVAESynthesisLib.synthesis.installed_bundles import weights_checksum
from MMHVAESynthesisLib.synthesis.request import Request
from MMHVAESynthesisLib.synthesis.results import Provenance, ReadResults, input_fingerprints, made_of, store

from ...made_nodes import fan, image_item, pose, sequence, transform, transform_item, volume
from ..made_case import make_case
from ..opened_panel import chosen, run, settled

SETTINGS = SynthesisSettings(samples=1)
LATER = "was made of a pre-operative image, too"


def request(volumes, browser=None, keeps_earlier=False):
    return Request(volumes, browser, "", "", ("t2",), "starter", "cpu", SETTINGS, keeps_earlier)


def apply(request_, with_uncertainty=False):
    """What an Apply of these inputs leaves in the scene."""
    source = request_.volumes.get("us")
    place = ijk_to_ras(source) if source is not None else np.eye(4)
    image = FileImage(np.full((40, 40, 40), 0.25, np.float32), place)
    made = Provenance("starter", weights_checksum("starter"), "cpu", SETTINGS, "", input_fingerprints(request_))
    ultrasound = FileImage(np.ones((40, 40, 40), np.uint8), place) if request_.has_sweep else None
    uncertainty = {"t2": image} if with_uncertainty else {}
    return store(request_, ReadResults({"t2": image}, uncertainty, ultrasound, place, "", 1.0, "cpu"), made)


@pytest.fixture(params=["volume", "sweep"])
def inputs(request, scene):
    """What the synthesis may take: the ultrasound in two forms, and an MR."""
    t2 = volume(fan(seed=1), name="MR_T2")
    if request.param == "volume":
        return {"us": volume(fan(), name="iUS")}, None, t2
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Sweep")
    times = [str(number) for number in range(4)]
    sequence(browser, "Image", {time: image_item(np.ones((8, 8), np.uint8)) for time in times})
    sequence(browser, "ImageToReference", {time: transform_item(pose(int(time)), "OK") for time in times})
    return {}, browser, t2


def case_of(volumes, browser, t2, method="synthesis"):
    return Case(request(volumes, browser), {"t2": t2}, RegistrationSettings(method), "")


def test_what_the_ultrasound_alone_made_is_used(inputs):
    volumes, browser, t2 = inputs
    case = case_of(volumes, browser, t2)
    assert usable_results(case) is None
    made = apply(request(volumes, browser))
    assert usable_results(case).nodes == made.nodes
    assert mixed_results(case) == []
    assert warning_of_mixed(case) == ""


def test_what_an_mr_took_part_in_counts_as_missing(inputs):
    volumes, browser, t2 = inputs
    case = case_of(volumes, browser, t2)
    made = apply(request({**volumes, "t2": t2}, browser), with_uncertainty=True)
    assert usable_results(case) is None
    assert {node.GetID() for node in mixed_results(case)} == {node.GetID() for node in made.nodes}
    assert warning_of_mixed(case).startswith(f"{made.images['t2'].GetName()} {LATER}")


def test_earlier_images_of_the_ultrasound_alone_are_found_behind_later_ones(inputs):
    volumes, browser, t2 = inputs
    case = case_of(volumes, browser, t2)
    alone = apply(request(volumes, browser))
    later = apply(request({**volumes, "t2": t2}, browser, keeps_earlier=True), with_uncertainty=True)
    assert later.images["t2"] is not alone.images["t2"]
    usable = usable_results(case)
    assert usable.nodes == alone.nodes
    assert usable.uncertainty == {}  # that is of the other image


def test_a_sweep_whose_results_were_moved_keeps_them(scene, inputs):
    volumes, browser, t2 = inputs
    case = case_of(volumes, browser, t2)
    made = apply(request(volumes, browser))
    assert not keeps_earlier(case)
    for node in made.nodes:
        node.SetAndObserveTransformNodeID(transform(pose(3)).GetID())
    assert keeps_earlier(case) == (browser is not None)


def test_register_makes_its_own_and_keeps_the_users(panel):
    """The preview of a case whose synthetic T2 is the MR itself, as navigation shows it."""
    case = make_case(5)
    parameters = panel.logic.getParameterNode()
    made = apply(request({"us": case.ultrasound, "t2": case.mrs["t2"]}))
    image = made.images["t2"]
    chosen(panel, case)
    assert LATER in settled(panel)
    run(panel, panel.ui.previewButton)
    assert float(slicer.util.arrayFromVolume(image).max()) == 0.25
    assert set(made_of(image)[0].inputs) == {"us", "t2"}
    own = panel.logic.synthetic(parameters).images["t2"]
    assert own is not image
    assert set(made_of(own)[0].inputs) == {"us"}
    assert LATER not in settled(panel)
    assert (panel.logic.outcome or panel.logic.pending).bundle == "starter"
