"""Numbers of outlines without a truth, against balls of known volume; the slice that is shown; the sheet."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.images import image_on
from mmhvae.segmentation import UltrasoundOutline
from mmhvae_training.ultrasound_tumours import RealOutline, draw_contact_sheet, facts_of, facts_table
from mmhvae_training.ultrasound_tumours.contact_sheet import shown_section

SHAPE = (24, 30, 36)
SPACING = (0.5, 0.8, 1.0)


def ball(centre: tuple[int, int, int], radius: float) -> np.ndarray:
    places = np.moveaxis(np.indices(SHAPE), 0, -1)
    return np.linalg.norm(places - np.array(centre), axis=-1) < radius


def outline(found: np.ndarray, mr: np.ndarray | None = None) -> RealOutline:
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
    return RealOutline(us, result, None if mr is None else image_on(mr.astype(np.uint8), grid))


def test_the_numbers_of_an_outline():
    found, mr = ball((12, 12, 14), 3) | ball((12, 20, 22), 2), ball((12, 12, 15), 3)
    facts = facts_of(outline(found, mr))
    assert facts["pieces"] == 2
    assert facts["contrast"] == pytest.approx(2)
    assert facts["share"] == pytest.approx(found.sum() / ball((12, 15, 18), 11).sum())
    assert facts["mr_ml"] == pytest.approx(mr.sum() * 0.4 / 1000, abs=1e-3)
    assert facts["dice"] == pytest.approx(2 * (found & mr).sum() / (found.sum() + mr.sum()))
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


def test_the_slice_shows_most_of_the_outline_else_of_the_mrs_else_of_the_view():
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
