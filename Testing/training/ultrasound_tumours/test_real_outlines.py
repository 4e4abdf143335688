"""Numbers of outlines without a truth, against balls of known volume; the slice that is shown; the sheet."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.images import image_on
from mmhvae.segmentation import UltrasoundOutline
from mmhvae_training.ultrasound_tumours import RealOutline, draw_contact_sheet, facts_of, facts_table, read_ellipsoids
from mmhvae_training.ultrasound_tumours.contact_sheet import shown_section

SHAPE = (24, 30, 36)
SPACING = (0.5, 0.8, 1.0)


def ball(centre: tuple[int, int, int], radius: float) -> np.ndarray:
    places = np.moveaxis(np.indices(SHAPE), 0, -1)
    return np.linalg.norm(places - np.array(centre), axis=-1) < radius


def outline(found: np.ndarray, by_eye: np.ndarray | None = None) -> RealOutline:
    """A field of view of radius 11 with grey 50, the outlined tissue twice as bright."""
    grid = sitk.Image(SHAPE[::-1], sitk.sitkUInt8)
    grid.SetSpacing(SPACING)
    seen = ball((12, 15, 18), 11)
    us, labels, field = (
        image_on(array, grid)
        for array in (np.where(seen, 50.0 + 50 * found, 0), found.astype(np.uint8), seen.astype(np.uint8))
    )
    volume = float(found.sum() * np.prod(SPACING) / 1000)
    result = UltrasoundOutline(labels, sitk.Cast(field, sitk.sitkFloat32), field, volume, "cpu", 0.0)
    return RealOutline(us, result, None if by_eye is None else image_on(by_eye.astype(np.uint8), grid))


def test_the_numbers_of_an_outline():
    found, by_eye = ball((12, 12, 14), 3) | ball((12, 20, 22), 2), ball((12, 12, 15), 3)
    facts = facts_of(outline(found, by_eye))
    assert facts["pieces"] == 2
    assert facts["contrast"] == pytest.approx(2)
    assert facts["share"] == pytest.approx(found.sum() / ball((12, 15, 18), 11).sum())
    assert facts["by_eye_ml"] == pytest.approx(by_eye.sum() * 0.4 / 1000, abs=1e-3)
    assert facts["dice"] == pytest.approx(2 * (found & by_eye).sum() / (found.sum() + by_eye.sum()))
    assert 0 < facts["mean_mm"] < facts["percentile_95_mm"]


def test_what_shows_nothing_is_told_as_nothing():
    nothing = np.zeros(SHAPE, bool)
    without, against = facts_of(outline(nothing)), facts_of(outline(nothing, ball((12, 12, 14), 3)))
    assert (without["contrast"], without["pieces"], without["share"]) == (None, 0, 0)
    assert "dice" not in without
    assert (against["dice"], against["mean_mm"]) == (None, None)
    table = facts_table({"A": without, "B": against}).splitlines()
    assert table[2] == "| A | 0.0 | 0 | 0 | - |  |  |  |"
    assert table[3].endswith("| - | - |")


def test_the_slice_shows_most_of_the_outline_else_of_what_was_set_by_eye_else_of_the_view():
    nothing, plate = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    plate[7, 10:18, 12:20] = True
    assert shown_section(outline(plate, ball((12, 15, 18), 9))) == (2, 7)
    assert shown_section(outline(nothing, plate)) == (2, 7)
    axis, index = shown_section(outline(nothing))
    assert axis == 0
    assert abs(index - 18) <= 1


def test_the_sheet_holds_every_volume(tmp_path):
    outlines = {f"Case{n}": outline(ball((12, 12, 14), n), ball((12, 15, 18), 3) if n % 2 else None) for n in range(8)}
    draw_contact_sheet(outlines, tmp_path / "sheet.png")
    size = sitk.ReadImage(str(tmp_path / "sheet.png")).GetSize()
    assert size[0] > 6 * 150
    assert size[1] > 2 * 150


def test_an_ellipsoid_lies_where_it_was_set_on_any_grid(tmp_path, oblique):
    grid = oblique(3)
    centre = grid.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in grid.GetSize()])
    radii = [0.3 * n * s for n, s in zip(grid.GetSize(), grid.GetSpacing(), strict=True)]
    written = {"A": {"centre_lps_mm": centre, "radii_mm": radii}}
    (tmp_path / "by-eye.json").write_text(json.dumps(written))
    mask = sitk.GetArrayFromImage(read_ellipsoids(tmp_path / "by-eye.json")["A"].on(grid))
    found = np.argwhere(mask)[:, ::-1]
    np.testing.assert_allclose(found.mean(axis=0), (np.array(grid.GetSize()) - 1) / 2, atol=0.01)
    np.testing.assert_allclose(np.ptp(found, axis=0) + 1, 0.6 * np.array(grid.GetSize()), atol=1.5)
    volume = 4 / 3 * np.pi * np.prod(radii)
    assert mask.sum() * np.prod(grid.GetSpacing()) == pytest.approx(volume, rel=0.05)


@pytest.mark.parametrize("text", ["", "[]", '{"A": {}}', '{"A": {"centre_lps_mm": [0, 0, 0], "radii_mm": [1, 1, 0]}}'])
def test_a_file_without_ellipsoids_is_refused(tmp_path, text):
    (tmp_path / "by-eye.json").write_text(text)
    with pytest.raises(InputError, match="holds no ellipsoids"):
        read_ellipsoids(tmp_path / "by-eye.json")
