"""The page for the record, as text: all that it has to say, and nothing that could run or load, whatever is put in."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import rig

rig.require()

import numpy as np
from mmhvae import InputError
from MMHVAERegistrationLib.report.drawing import png
from MMHVAERegistrationLib.report.page import Landmarks, Picture, Report, report_page
from MMHVAERegistrationLib.report.pdf import markup, write_pdf

PNG = png(np.full((60, 80, 3), 99, np.uint8))
REPORT = Report(
    made="2026-11-25 14:05",
    verdict="check",
    word="CHECK",
    error="expected error about 2.4 mm",
    reason="T2 and ceT1 disagree by 2.1 mm.",
    moved="6.3 mm and 4.1 degrees from the navigation. In use.",
    calibration="no calibration on patients exists",
    pictures=[Picture("Ultrasound: before", PNG, ("R", "L", "A", "P"))],
    legend="Dashed: before.",
    landmarks=Landmarks(["1", "2"], [4.0, 6.0], [1.0, 2.5]),
    named=(),
    details=[("Weights (SHA-256)", "ab" * 32), ("Versions", "MMHVAE 0.1.0")],
)


class Page(HTMLParser):
    """Tags, attributes and text of a page; complains of tags that do not close."""

    VOID = ("meta", "img", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href", "action", "data")]
        assert not [name for name, _ in attributes if name.startswith("on")]
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def untranslated(text: str) -> str:
    return text


def sheet(report: Report) -> str:
    return markup(report, untranslated)


@pytest.mark.parametrize("make", [report_page, sheet])
def test_the_page_says_it_all(make):
    text = Page(make(REPORT)).text.replace("\N{NO-BREAK SPACE}", "")
    for words in (
        "Research software. Not approved for clinical use.", "CHECK", "expected error about 2.4 mm",
        "T2 and ceT1 disagree by 2.1 mm.", "6.3 mm and 4.1 degrees", "no calibration on patients exists",
        "Dashed: before.", "1 4.0 1.0 2 6.0 2.5", "Mean distance 5.0 mm before, 1.8 mm after.",
        "ab" * 32, "MMHVAE 0.1.0", "2026-11-25 14:05",
    ):  # fmt: skip
        assert words in text
    assert ("R L A P" if make is report_page else "A R L P") in text


def test_the_page_needs_nothing_else():
    page = Page(report_page(REPORT))
    assert page.links == [f"data:image/png;base64,{base64.b64encode(PNG).decode()}"]
    assert not set(page.tags) & {"script", "link", "iframe", "object", "embed", "form"}


@pytest.mark.parametrize(
    "field",
    ["made", "word", "error", "reason", "moved", "calibration", "legend", "landmarks", "named", "details", "pictures"],
)
@pytest.mark.parametrize("make", [report_page, sheet])
def test_texts_cannot_become_markup(make, field):
    evil = "<script>alert('1')</script>\"><b> & <"
    values = {
        "landmarks": Landmarks([evil], [1.0], [2.0]),
        "named": [(evil, evil)],
        "details": [(evil, evil)],
        "pictures": [Picture(evil, PNG, (evil,) * 4)],
    }
    page = Page(make(replace(REPORT, **{field: values.get(field, evil)})))
    assert "script" not in page.tags
    assert page.tags.count("b") == (
        0 if make is report_page else Page(make(REPORT)).tags.count("b") + (field == "named")
    )
    assert " ".join(evil.split()) in page.text


@pytest.mark.parametrize("count", [0, 1, 8, 9, 30])
@pytest.mark.parametrize("make", [report_page, sheet])
def test_any_number_of_landmarks(make, count):
    names = [f"pair {number}" for number in range(count)]
    text = Page(make(replace(REPORT, landmarks=Landmarks(names, [2.0] * count, [1.0] * count)))).text
    assert all(f"{name} 2.0 1.0" in text for name in names)
    assert ("Mean distance 2.0 mm before, 1.0 mm after" in text) == (count > 0)
    assert ("No landmarks were given." in text) == (count == 0)


def test_nothing_stands_where_nothing_is_known():
    bare = replace(REPORT, verdict="", word="BY HAND", pictures=[], landmarks=None, legend="No figure.")
    page = Page(report_page(bare))
    assert "img" not in page.tags
    assert "No figure." in page.text
    assert "No landmarks were given." in page.text


@pytest.mark.parametrize("count", [0, 5, 90])
def test_the_sheet_is_one_page_of_pdf(slicer_app, tmp_path, count):
    names = [f"pair {number}" for number in range(count)]
    report = replace(REPORT, pictures=4 * REPORT.pictures, landmarks=Landmarks(names, [2.0] * count, [1.0] * count))
    write_pdf(report, tmp_path / "report.pdf", untranslated)
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
    width, height = map(float, re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)", content).groups())
    assert (width, height) == pytest.approx((595, 842), abs=1)  # A4, in points
    with pytest.raises(InputError, match="cannot be written"):
        write_pdf(report, tmp_path / "gone" / "report.pdf", untranslated)


def test_the_page_speaks_the_users_language():
    page = report_page(REPORT, lambda text: f"[{text}]")
    assert "[Research software. Not approved for clinical use.]" in page
    assert "[pair]" in page
