"""SYNTHETIC in the slice views, read from the annotation and seen in the pixels."""

from __future__ import annotations

from dataclasses import replace

import rig

rig.require()

import numpy as np
import pytest
import slicer
import vtk
from MMHVAESynthesisLib.synthesis.results import KIND, MODALITY, STALE
from MMHVAESynthesisLib.views.annotation import (
    BREAKING_FONT,
    LARGEST_FONT,
    SyntheticAnnotations,
    annotate_slice_views,
    stop_annotating,
)
from MMHVAESynthesisLib.views.annotation_words import broken
from MMHVAESynthesisLib.views.visible_views import slice_views

from ..made_nodes import pose, transform, volume, vtk_matrix

LINE = "SYNTHETIC {} - not approved for clinical use"


def black(name="Before", modality=None):
    """A volume that is drawn black, so that every bright pixel is text."""
    node = volume(np.zeros((20, 20, 20), np.float32), name=name)
    if modality is not None:
        node.SetAttribute(KIND, "image")
        node.SetAttribute(MODALITY, modality)
    return node


def yellow_pixels(view="Red") -> int:
    rig.process_events(50)
    picture = rig.grab_slice(view).astype(int)
    return int(((picture[..., 0] > 180) & (picture[..., 1] > 140) & (picture[..., 2] < 120)).sum())


def test_every_view_that_shows_a_synthetic_volume_says_so(annotations):
    measured, synthetic = black(), black("SYNTHETIC T2 of Before", "t2")
    slicer.util.setSliceViewerLayers(background=measured)
    assert [annotations.texts(view.name) for view in slice_views()] == [[], [], []]
    assert yellow_pixels() == 0
    slicer.util.setSliceViewerLayers(background=measured, foreground=synthetic, foregroundOpacity=0.5)
    for view in slice_views():
        assert annotations.texts(view.name)[0] == LINE.format("T2")
        assert yellow_pixels(view.name) > 200
    slicer.util.setSliceViewerLayers(background=measured, foreground=synthetic, foregroundOpacity=0)
    assert annotations.texts("Red") == []
    assert yellow_pixels() == 0


@pytest.mark.parametrize("layer", ["background", "label"])
def test_it_counts_in_any_layer(annotations, layer):
    slicer.util.setSliceViewerLayers(**{layer: black("x", "flair")}, labelOpacity=1)
    assert annotations.texts("Yellow")[0] == LINE.format("FLAIR")


@pytest.mark.parametrize("kind", ["uncertainty", "levels"])
def test_uncertainty_alone_is_named_and_goes_when_its_image_goes(annotations, kind):
    image, measured, about = black("x", "t2"), black("Before"), black("y", "t2")
    about.SetAttribute(KIND, kind)
    slicer.util.setSliceViewerLayers(background=measured, foreground=image, foregroundOpacity=0, label=about)
    assert annotations.texts("Red")[0] == LINE.format("uncertainty of T2")
    slicer.util.setSliceViewerLayers(background=measured, foreground=None)
    assert annotations.texts("Red") == []
    (composite, *_) = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetLabelVolumeID() is None


def test_on_a_fine_screen_the_text_is_as_large_as_on_others(scene):
    """Twice as many pixels, and VTK either knows of it by its dots an inch or does not."""
    stop_annotating()
    found = {}
    for scale in (1.0, 2.0):
        views = [replace(view, scale=lambda scale=scale: scale) for view in slice_views()]
        annotations = SyntheticAnnotations(lambda views=views: views)
        slicer.util.setSliceViewerLayers(background=black("x", "t2"))
        actor = annotations._views["Red"]._line
        dots = views[0].renderer.GetRenderWindow().GetDPI()
        found[scale] = (actor.GetTextProperty().GetFontSize() * dots / 72 / scale, actor.GetPosition()[1])
        annotations.close()
    assert found[2.0][1] == 2 * found[1.0][1]
    for pixels, _place in found.values():
        assert BREAKING_FONT - 1 <= pixels <= LARGEST_FONT + 1


@pytest.mark.parametrize(
    ("line", "letters", "expected"),
    [
        (LINE.format("T2"), 44, [LINE.format("T2")]),
        (LINE.format("T2"), 43, ["SYNTHETIC T2", "not approved for clinical use"]),
        (LINE.format("T2"), 18, ["SYNTHETIC T2", "not approved for", "clinical use"]),
        ("NOT REGISTERED, dashed: Demo tumour (simulated)", 24, ["NOT REGISTERED, dashed:", "Demo tumour (simulated)"]),
        ("NOT REGISTERED, dashed: " + "tract " * 30, 24, ["NOT REGISTERED, dashed:", *["tract tract tract tract"] * 3]),
    ],
)
def test_a_line_that_is_too_long_is_broken_where_it_makes_sense(line, letters, expected):
    found = broken(line, letters)
    assert found[: len(expected)] == expected
    assert len(found) <= len(expected) + 1
    assert max(map(len, found)) <= letters


def test_in_a_narrow_view_no_letter_is_cut_off(scene):
    """As three views side by side on a small screen at 150 %."""
    stop_annotating()
    narrow = vtk.vtkRenderer()
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(True)
    window.SetSize(140, 440)
    window.AddRenderer(narrow)
    views = [replace(view, renderer=narrow, scale=lambda: 1.0, render=window.Render) for view in slice_views()][:1]
    annotations = SyntheticAnnotations(lambda: views)
    slicer.util.setSliceViewerLayers(background=black("x", "t2"))
    line = annotations._views["Red"]._line
    size = [0.0, 0.0]
    line.GetSize(narrow, size)
    assert size[0] <= 140
    assert line.GetTextProperty().GetFontSize() >= 11 * 72 / window.GetDPI()
    annotations.close()


def test_two_contrasts_are_both_named(annotations):
    slicer.util.setSliceViewerLayers(background=black("x", "flair"), foreground=black("y", "us"), foregroundOpacity=0.5)
    assert annotations.texts("Red")[0] == LINE.format("iUS, FLAIR")


def test_a_mark_is_told_at_once(annotations):
    node = black("x", "t2")
    slicer.util.setSliceViewerLayers(background=node)
    node.SetAttribute(STALE, "The iUS was moved since.")
    assert annotations.texts("Green")[0] == LINE.format("T2") + "\nSTALE - press Apply again"
    node.RemoveAttribute(STALE)
    assert annotations.texts("Green")[0] == LINE.format("T2")


def test_left_and_right_stay_in_sight(annotations):
    slicer.util.setSliceViewerLayers(background=black("x", "t2"))
    assert annotations.texts("Red")[1:] == ["R", "L", "A", "P"]
    assert annotations.texts("Yellow")[1:] == ["A", "P", "S", "I"]
    assert annotations.texts("Green")[1:] == ["R", "L", "S", "I"]


def test_an_oblique_slice_names_two_sides(annotations):
    slicer.util.setSliceViewerLayers(background=black("x", "t2"))
    red = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    angle = np.deg2rad(30)
    matrix = np.eye(4)
    matrix[:2, :2] = [[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    red.GetSliceToRAS().DeepCopy(vtk_matrix(matrix))
    red.UpdateMatrices()
    assert annotations.texts("Red")[1:] == ["RP", "LA", "AR", "PL"]
    red.SetOrientationToAxial()


def test_dataprobe_can_rewrite_its_corners(annotations):
    slicer.util.setSliceViewerLayers(background=black("x", "t2"))
    before = yellow_pixels()
    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    if hasattr(view, "cornerAnnotation"):
        view.cornerAnnotation().ClearAllTexts()
    assert yellow_pixels() == before > 0


def test_a_scene_that_is_closed_takes_the_texts_along(annotations, scene):
    slicer.util.setSliceViewerLayers(background=black("x", "t2"))
    assert annotations.texts("Red")
    scene.Clear(0)
    rig.process_events(50)
    assert annotations.texts("Red") == []
    assert yellow_pixels() == 0


def test_closing_takes_them_out_of_the_views(annotations):
    slicer.util.setSliceViewerLayers(background=black("x", "t2"))
    assert yellow_pixels() > 0
    annotations.close()
    assert yellow_pixels() == 0
    transform(pose(1))  # nobody listens any more
    slicer.util.setSliceViewerLayers(background=black("y", "flair"))
    assert annotations.texts("Red") == []


def test_all_modules_share_one(scene):
    slicer.util.setSliceViewerLayers(background=black("x", "t2"))
    first = annotate_slice_views()
    assert annotate_slice_views() is first
    assert first.texts("Red")
    stop_annotating()
    assert yellow_pixels() == 0
