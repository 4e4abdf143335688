"""Outlines that are not registered yet: dashed where an ultrasound is shown, said, and given back as they were."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import rig

rig.require()

import numpy as np
import pytest
import slicer
import vtk
from MMHVAESynthesisLib.synthesis.results import KIND, MODALITY
from MMHVAESynthesisLib.views.annotation import SyntheticAnnotations, stop_annotating
from MMHVAESynthesisLib.views.unregistered import is_registered

from ..made_nodes import transform, volume


def image(kind):
    node = volume(np.ones((40, 40, 40), np.float32), name=f"{kind} of Before")
    node.SetAttribute(KIND, kind or None)
    node.SetAttribute(MODALITY, "t2")
    return node


def tumour():
    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(12)
    sphere.SetCenter(20, 20, 20)
    sphere.Update()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", "Tumour")
    node.SetAndObservePolyData(sphere.GetOutput())
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetVisibility2D(True)
    return node


def dashed(annotations):
    rig.process_events(50)
    return [name for name, is_dashed, _points in annotations._unregistered._lines.lines("Red") if is_dashed]


def test_it_is_dashed_and_said_until_it_is_registered(annotations):
    node = tumour()
    display = node.GetDisplayNode()
    slicer.util.setSliceViewerLayers(background=image(""), fit=True)
    assert dashed(annotations) == []
    assert display.GetVisibility2D()
    slicer.util.setSliceViewerLayers(background=image("ultrasound"), foreground=image("image"), foregroundOpacity=0.5)
    assert dashed(annotations) == ["Tumour"]
    assert not display.GetVisibility2D()  # Slicer's own solid line
    assert "NOT REGISTERED, dashed: Tumour" in annotations.texts("Red")[0]
    result = transform(np.eye(4), "Registration")
    result.SetAttribute(KIND, "registration")
    node.SetAndObserveTransformNodeID(result.GetID())
    assert dashed(annotations) == ["Tumour"]  # nothing has moved it
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 3.0)
    result.SetMatrixTransformToParent(matrix)
    rig.wait_until(lambda: dashed(annotations) == [], 10, "the outline to be solid again")
    assert display.GetVisibility2D()
    assert "NOT REGISTERED" not in annotations.texts("Red")[0]


def test_what_was_drawn_on_the_result_or_stays_by_the_users_word_is_left_alone(annotations):
    drawn = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Drawn here")
    drawn.CreateDefaultDisplayNodes()
    synthetic = image("image")
    drawn.SetReferenceImageGeometryParameterFromVolumeNode(synthetic)
    slicer.util.setSliceViewerLayers(background=synthetic)
    rig.process_events(50)
    assert annotations._unregistered.nodes == []
    assert drawn.GetDisplayNode().GetVisibility2DFill()


def test_what_lies_under_what_is_left_of_a_deleted_registration_is_not_registered(scene):
    matrix = np.eye(4)
    matrix[0, 3] = 3.0
    result, part, node = transform(matrix, "result"), transform(matrix, "part"), tumour()
    result.SetAttribute(KIND, "registration")
    part.SetAttribute(KIND, "registration part")
    result.AddNodeReferenceID("MMHVAE.Part", part.GetID())
    node.SetAndObserveTransformNodeID(part.GetID())
    assert is_registered(node)
    result.RemoveNodeReferenceIDs("MMHVAE.Part")
    assert not is_registered(node)


def test_closing_gives_back_what_was_hidden(scene):
    stop_annotating()
    annotations, display = SyntheticAnnotations(), tumour().GetDisplayNode()
    slicer.util.setSliceViewerLayers(background=image("ultrasound"), fit=True)
    assert dashed(annotations) == ["Tumour"]
    annotations.close()
    assert display.GetVisibility2D()


@pytest.mark.parametrize("kind", ["model", "segmentation"])
def test_what_a_saved_scene_hides_is_given_back_in_another_session(scene, tmp_path, kind):
    """Where the ultrasound is shown no more, and the outline is registered or not."""
    stop_annotating()
    annotations = SyntheticAnnotations()
    node = tumour() if kind == "model" else segmentation()
    name, switches = node.GetName(), ("Visibility2D",) if kind == "model" else ("Visibility2DFill",)
    slicer.util.setSliceViewerLayers(background=image("ultrasound"), fit=True)
    assert dashed(annotations) != []
    file = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(file))
    annotations.close()
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(file))
    display = slicer.util.getNode(name).GetDisplayNode()
    assert [getattr(display, f"Get{switch}")() for switch in switches] == [0]
    slicer.util.setSliceViewerLayers(background=image(""), fit=True)
    annotations = SyntheticAnnotations()
    assert dashed(annotations) == []
    assert [getattr(display, f"Get{switch}")() for switch in switches] == [1]
    slicer.util.setSliceViewerLayers(background=slicer.util.getNode("ultrasound of Before"), fit=True)
    assert dashed(annotations) != []
    annotations.close()
    assert [getattr(display, f"Get{switch}")() for switch in switches] == [1]


def segmentation():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Outline")
    node.CreateDefaultDisplayNodes()
    node.GetSegmentation().AddEmptySegment("a", "tumour")
    ball = np.linalg.norm(np.indices((40, 40, 40)) - 20.0, axis=0) < 9
    grid = volume(np.zeros((40, 40, 40), np.uint8), name="grid")
    slicer.util.updateSegmentBinaryLabelmapFromArray(ball.astype(np.uint8), node, "a", grid)
    return node


SCRIPT = """
import sys
sys.path[:0] = {paths}
import rig
rig.start()
import slicer
from rig.module_manager import load_scripted_module
load_scripted_module("{module}")
slicer.app.startupCompleted.emit()
slicer.util.loadScene("{scene}")
rig.process_events(200)
from MMHVAESynthesisLib.views import annotation
assert annotation._shared is not None, "nobody has made the annotations"
print("|".join(line for name in ("Red", "Yellow", "Green") for line in annotation._shared.texts(name)[:1]))
print("|".join(annotation._shared._views["Red"].legend.words))
print("panel" if slicer.app.moduleManager().module("MMHVAESynthesis")._widget else "no panel")
"""


def test_a_loaded_scene_is_marked_from_start_up_on_with_no_panel_opened(scene, tmp_path):
    nodes = {}
    for kind in ("image", "uncertainty"):
        nodes[kind] = volume(np.full((9, 9, 9), 0.02, np.float32), name=f"SYNTHETIC T2 {kind} of a sweep")
        nodes[kind].SetAttribute(KIND, kind)
        nodes[kind].SetAttribute(MODALITY, "t2")
    slicer.util.setSliceViewerLayers(background=nodes["image"], label=nodes["uncertainty"], labelOpacity=0.5)
    saved = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(saved))
    root = Path(__file__).resolve().parents[3]
    paths = [str(root / name) for name in ("Testing/rig", "MMHVAESynthesis")]
    script = SCRIPT.format(paths=paths, scene=saved, module=root / "MMHVAESynthesis" / "MMHVAESynthesis.py")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    line = "SYNTHETIC T2 - not approved for clinical use"
    assert done.stdout.splitlines() == ["|".join([line] * 3), "Uncertainty|high|medium|low", "no panel"], done.stderr[
        -2000:
    ]
