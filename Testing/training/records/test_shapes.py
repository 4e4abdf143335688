"""What of a JSON value does not fit is told by its place; whatever Training keeps fits the shape it is read by."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import pytest
from mmhvae import InputError
from mmhvae.registration import PosePrior, Witness
from mmhvae_training.records import misfit, read_json

SHAPE = {
    "case": str,
    "?seconds": float,
    "error_mm": (float, None),
    "tre": {str: {"after": float}},
    "witnesses": [Witness],
    "prior": (None, PosePrior),
    "at": [tuple[float, float, float]],
}
FITS = {
    "case": "a",
    "error_mm": None,
    "tre": {"0-4": {"after": 1}},
    "witnesses": [asdict(Witness("t2", 1.0, 2.0, 0.5))],
    "prior": asdict(PosePrior()),
    "at": [[1, 2, 3.5]],
    "more": [],
}


@dataclass(frozen=True)
class Row:
    name: str
    count: int = 0
    share: float | None = None


def changed(**parts: object) -> dict:
    return {**FITS, **parts}


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (FITS, None),
        (changed(seconds=3), None),
        (changed(tre={}), None),
        ([], "it is no object"),
        ({name: value for name, value in FITS.items() if name != "case"}, "case is missing"),
        (changed(case=7), "case is no text"),
        (changed(seconds="3"), "seconds is no number"),
        (changed(error_mm=True), "error_mm is no number"),
        (changed(tre={"0-4": {}}), "tre.0-4.after is missing"),
        (changed(tre=[]), "tre is no object"),
        (changed(witnesses=[{"name": "t2"}]), "witnesses[0].distance_mm is missing"),
        (changed(witnesses=[{**FITS["witnesses"][0], "colour": "red"}]), "witnesses[0].colour is unknown"),
        (changed(witnesses={}), "witnesses is no list"),
        (changed(prior=None), None),
        (changed(prior={"degrees": 5}), "prior.degrees is unknown"),
        (changed(at=[[1, 2]]), "at[0] holds 2 in place of 3"),
    ],
)
def test_what_does_not_fit_is_told_by_its_place(value, wrong):
    assert misfit(json.loads(json.dumps(value)), SHAPE) == wrong


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"name": "a"}, None),
        ({"name": "a", "count": 2, "share": None}, None),
        ({"name": "a", "count": 2.5}, "count is no whole number"),
        ({"count": 2}, "name is missing"),
        ({"name": "a", "colour": 1}, "colour is unknown"),
    ],
)
def test_a_dataclass_takes_its_own_fields_alone(value, wrong):
    assert misfit(value, Row) == wrong
    if wrong is None:
        Row(**value)


def test_a_files_shape_is_told_with_its_name_and_the_readers_advice(tmp_path):
    (tmp_path / "rows.json").write_text('[{"name": "a"}, {}]')
    with pytest.raises(InputError, match=r"rows\.json .*\(entry\[1\]\.name is missing\); make it again\.$"):
        read_json(tmp_path / "rows.json", list, "make it again.", [Row])
