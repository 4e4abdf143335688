"""The page for the record, as HTML in one file: what was found, how far to trust it, and how it was made.

Plain Python, without Slicer: texts come from the caller or from here, through ``_``, the translation.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from ..panel import SIGNS

#: Landmarks that stand under each other before a new column begins.
ROWS_A_COLUMN = 5
_STYLE = """
@page { size: A4; margin: 10mm }
* { box-sizing: border-box; margin: 0 }
body { font: 10.5pt/1.35 sans-serif; color: #111; background: #fff; max-width: 190mm; margin: 4mm auto }
.banner { background: #7a1f1f; color: #fff; font-weight: bold; text-align: center; padding: 1.5mm }
header { display: flex; justify-content: space-between; align-items: baseline; margin: 3mm 0 2mm }
h1 { font-size: 15pt } h2 { font-size: 11pt; margin: 3mm 0 1mm }
.verdict { border: 1px solid; border-left-width: 3mm; padding: 2mm 3mm; display: flex; gap: 4mm; align-items: center }
.word { color: #fff; font-weight: bold; font-size: 17pt; padding: 1mm 3mm; white-space: nowrap }
.error { font-size: 13pt; font-weight: bold }
.small { font-size: 8.5pt; color: #444 }
.figures { display: grid; grid-template-columns: 1fr 1fr; gap: 2mm }
figure { background: #101418; color: #fff; position: relative }
figcaption { font-size: 9.5pt; font-weight: bold; padding: 1mm 2mm }
.picture { position: relative; text-align: center; height: 58mm }
.picture img { height: 58mm; max-width: 100%; object-fit: contain; display: block; margin: auto }
.side { position: absolute; font-weight: bold; color: #ffd833; text-shadow: 0 0 2px #000 }
.left { left: 2mm; top: 45% } .right { right: 2mm; top: 45% }
.top { top: 0; left: 48% } .bottom { bottom: 0; left: 48% }
.summary { font-weight: bold } .named { font-size: 9.5pt; margin-bottom: 2mm }
.legend { font-size: 9pt; margin-top: 1mm }
@media print { body { margin: 0 auto } .verdict, .word, .banner, figure { print-color-adjust: exact } }
.columns { display: flex; gap: 8mm; flex-wrap: wrap }
table { border-collapse: collapse; font-size: 9.5pt } td, th { padding: 0.3mm 2.5mm 0.3mm 0; text-align: left }
td.number, th.number { text-align: right }
.made td { font-size: 8.5pt; overflow-wrap: anywhere } .made td:first-child { color: #444; white-space: nowrap }
"""

Translation = Callable[[str], str]


@dataclass(frozen=True)
class Picture:
    """A figure: its title, a PNG, and the patient's side at each edge (left, right, top, bottom)."""

    title: str
    png: bytes
    sides: tuple[str, str, str, str]


@dataclass(frozen=True)
class Landmarks:
    """Pairs by name, with their distances in mm before and after."""

    names: Sequence[str]
    before: Sequence[float]
    after: Sequence[float]

    def summary(self, _: Translation) -> str:
        """The mean distances in words; there are pairs."""
        before, after = (sum(values) / len(values) for values in (self.before, self.after))
        text = _("Mean distance {before:.1f} mm before, {after:.1f} mm after.")
        return text.format(before=before, after=after)


@dataclass(frozen=True)
class Report:
    """What the page says.

    Attributes:
        made: when.
        verdict: "good", "check", "failed", or "" where nothing judged the pose.
        word: the verdict in the user's language.
        error: the expected error in words.
        reason: why, one or two sentences.
        moved: how far from the navigation, and whether it is in use.
        calibration: that no calibration on patients exists.
        pictures: at most four.
        legend: what the lines mean.
        landmarks: or None.
        named: what identifies the patient, as rows; empty unless the user wants it.
        details: versions, model, checksum, images, as rows.
    """

    made: str
    verdict: str
    word: str
    error: str
    reason: str
    moved: str
    calibration: str
    pictures: Sequence[Picture]
    legend: str
    landmarks: Landmarks | None
    named: Sequence[tuple[str, str]]
    details: Sequence[tuple[str, str]]


def _untranslated(text: str) -> str:
    return text


def title_and_notice(_: Translation) -> tuple[str, str]:
    """What stands above every page."""
    title = _("Registration of the pre-operative MR to the ultrasound")
    return title, _("Research software. Not approved for clinical use.")


def report_page(report: Report, _: Translation = _untranslated) -> str:
    """The page, which needs no other file and no network."""
    title, notice = title_and_notice(_)
    parts = [
        '<!DOCTYPE html><html><head><meta charset="utf-8">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f'<div class="banner">{escape(notice)}</div>',
        f"<header><h1>{escape(title)}</h1><span>{escape(report.made)}</span></header>",
        _named(report.named),
        _verdict(report),
        _figures(report),
        _landmarks(report.landmarks, _),
        f"<h2>{escape(_('How it was made'))}</h2>{_rows(report.details)}",
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part)


def _named(rows: Sequence[tuple[str, str]]) -> str:
    texts = [f"{escape(name)}: <strong>{escape(value)}</strong>" for name, value in rows]
    return f'<p class="named">{" &middot; ".join(texts)}</p>' if rows else ""


def _verdict(report: Report) -> str:
    sign, colour = SIGNS[report.verdict]
    return (
        f'<div class="verdict" style="border-color: {colour}">'
        f'<div class="word" style="background: {colour}">{sign} {escape(report.word)}</div>'
        f'<div><div class="error">{escape(report.error)}</div><div>{escape(report.reason)}</div>'
        f'<div>{escape(report.moved)}</div><div class="small">{escape(report.calibration)}</div></div></div>'
    )


def _figures(report: Report) -> str:
    if not report.pictures:
        return f'<p class="legend">{escape(report.legend)}</p>'
    figures = "".join(_figure(picture) for picture in report.pictures)
    return f'<h2></h2><div class="figures">{figures}</div><p class="legend">{escape(report.legend)}</p>'


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode("ascii")
    places = ("left", "right", "top", "bottom")
    sides = zip(places, picture.sides, strict=True)
    letters = "".join(f'<span class="side {place}">{escape(side)}</span>' for place, side in sides)
    return (
        f'<figure><figcaption>{escape(picture.title)}</figcaption><div class="picture">'
        f'<img alt="{escape(picture.title)}" src="data:image/png;base64,{data}">{letters}</div></figure>'
    )


def _landmarks(landmarks: Landmarks | None, _: Translation) -> str:
    title = escape(_("Landmarks: distance between pairs (TRE), mm"))
    if landmarks is None or not landmarks.names:
        return f'<h2>{title}</h2><p class="small">{escape(_("No landmarks were given."))}</p>'
    rows = list(zip(landmarks.names, landmarks.before, landmarks.after, strict=True))
    summary = landmarks.summary(_)
    chunks = [rows[start : start + ROWS_A_COLUMN] for start in range(0, len(rows), ROWS_A_COLUMN)]
    head = (
        f'<tr><th>{escape(_("pair"))}</th><th class="number">{escape(_("before"))}</th>'
        f'<th class="number">{escape(_("after"))}</th></tr>'
    )
    tables = []
    for chunk in chunks:
        body = "".join(_row(*row) for row in chunk)
        tables.append(f"<table>{head}{body}</table>")
    return f'<h2>{title}</h2><p class="summary">{escape(summary)}</p><div class="columns">{"".join(tables)}</div>'


def _row(name: str, before: float, after: float) -> str:
    numbers = "".join(f'<td class="number">{value:.1f}</td>' for value in (before, after))
    return f"<tr><td>{escape(name)}</td>{numbers}</tr>"


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<table class="made">{body}</table>'
