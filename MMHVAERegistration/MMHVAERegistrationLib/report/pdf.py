"""The page for the record as PDF, for archives that take no HTML: the same words and pictures, on one sheet of A4.

Qt lays it out, which knows tables but not the styles of :mod:`.report_page`; so the markup here is plainer.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from html import escape
from pathlib import Path

import qt
from mmhvae import InputError

from ..panel import SIGNS
from .page import Landmarks, Picture, Report, title_and_notice

#: Pixels of the layout across the sheet, and of a picture at most.
WIDTH, PICTURE = 720, (300, 196)
_WHITE, _GREY, _DARK, _YELLOW, _BANNER = "#ffffff", "#444444", "#101418", "#ffd833", "#7a1f1f"
_COLUMNS = 4  # of landmarks, side by side
_ROWS = 5

Translation = Callable[[str], str]


def write_pdf(report: Report, path: Path, _: Translation) -> None:
    """Write the sheet; what does not fit onto it in full size is drawn smaller.

    Raises:
        InputError: the file cannot be written, or the disk is full.
    """
    title, _notice = title_and_notice(_)
    writer = qt.QPdfWriter(str(path))
    writer.setResolution(300)
    writer.setTitle(title)
    document = qt.QTextDocument()
    document.setUseDesignMetrics(True)
    document.setDefaultFont(qt.QFont("sans-serif", 8))
    document.setDocumentMargin(0)
    document.setTextWidth(WIDTH)
    document.setHtml(markup(report, _))
    painter = qt.QPainter()
    if painter.begin(writer):
        sheet, size = painter.viewport(), document.size
        size = size() if callable(size) else size
        scale = min(sheet.width() / WIDTH, sheet.height() / size.height())
        painter.translate((sheet.width() - scale * WIDTH) / 2, 0)
        painter.scale(scale, scale)
        document.drawContents(painter)
        painter.end()
    try:
        complete = path.read_bytes().rstrip().endswith(b"%%EOF")
    except OSError:
        complete = False
    if not complete:
        raise InputError(f"{path.name} cannot be written; free some space on the disk.")


def markup(report: Report, _: Translation) -> str:
    """The sheet, in the part of HTML that Qt's text documents know."""
    title, notice = title_and_notice(_)
    parts = [
        _banner(notice),
        f'<table width="100%"><tr><td><h3>{escape(title)}</h3></td>'
        f'<td align="right" valign="middle">{escape(report.made)}</td></tr></table>',
        _named(report),
        _verdict(report),
        _figures(report),
        f"<p>{escape(report.legend)}</p>",
        _landmarks(report.landmarks, _),
        f"<h4>{escape(_('How it was made'))}</h4>",
        "<table>" + "".join(_detail(name, value) for name, value in report.details) + "</table>",
    ]
    return "".join(parts)


def _banner(notice: str) -> str:
    text = f'<b><font color="{_WHITE}">{escape(notice)}</font></b>'
    return f'<table width="100%" cellpadding="4"><tr><td bgcolor="{_BANNER}" align="center">{text}</td></tr></table>'


def _named(report: Report) -> str:
    texts = [f"{escape(name)}: <b>{escape(value)}</b>" for name, value in report.named]
    return f"<p>{' &middot; '.join(texts)}</p>" if texts else ""


def _verdict(report: Report) -> str:
    sign, colour = SIGNS[report.verdict]
    lines = [f"<big><b>{escape(report.error)}</b></big>", escape(report.reason), escape(report.moved)]
    lines += [f'<font color="{_GREY}">{escape(report.calibration)}</font>']
    word = f'<font size="+3" color="{_WHITE}"><b>&nbsp;{sign}&nbsp;{escape(report.word)}&nbsp;</b></font>'
    return (
        f'<table width="100%" cellpadding="6" border="1" cellspacing="0" style="border-color: {colour}"><tr>'
        f'<td width="22%" bgcolor="{colour}" align="center" valign="middle">{word}</td>'
        f"<td>{'<br>'.join(line for line in lines if line)}</td></tr></table>"
    )


def _figures(report: Report) -> str:
    cells = [_figure(picture) for picture in report.pictures]
    rows = ["".join(cells[start : start + 2]) for start in range(0, len(cells), 2)]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<p></p><table width="100%" cellspacing="4" cellpadding="4">{body}</table>' if cells else ""


def _figure(picture: Picture) -> str:
    left, right, top, bottom = (_side(side) for side in picture.sides)
    width, height = _fitting(picture.png)
    data = base64.b64encode(picture.png).decode("ascii")
    image = f'<img width="{width}" height="{height}" src="data:image/png;base64,{data}">'
    return (
        f'<td width="50%" bgcolor="{_DARK}" align="center"><font color="{_WHITE}"><b>{escape(picture.title)}</b></font>'
        f'<table><tr><td></td><td align="center">{top}</td><td></td></tr>'
        f'<tr><td valign="middle">{left}</td><td>{image}</td><td valign="middle">{right}</td></tr>'
        f'<tr><td></td><td align="center">{bottom}</td><td></td></tr></table></td>'
    )


def _side(letters: str) -> str:
    return f'<font color="{_YELLOW}"><b>{escape(letters)}</b></font>'


def _fitting(png: bytes) -> tuple[int, int]:
    """Width and height of a picture on the sheet, from those that a PNG begins with."""
    width, height = struct.unpack(">II", png[16:24])
    scale = min(PICTURE[0] / width, PICTURE[1] / height)
    return round(scale * width), round(scale * height)


def _landmarks(landmarks: Landmarks | None, _: Translation) -> str:
    title = f"<h4>{escape(_('Landmarks: distance between pairs (TRE), mm'))}</h4>"
    if landmarks is None or not landmarks.names:
        return title + f'<font color="{_GREY}">{escape(_("No landmarks were given."))}</font>'
    rows = list(zip(landmarks.names, landmarks.before, landmarks.after, strict=True))
    height = max(_ROWS, -(-len(rows) // _COLUMNS))
    head = f"<tr><th>{escape(_('pair'))}</th><th>{escape(_('before'))}</th><th>{escape(_('after'))}</th></tr>"
    columns = [
        f'<td><table cellpadding="1">{head}{"".join(_pair(*row) for row in rows[start : start + height])}</table></td>'
        for start in range(0, len(rows), height)
    ]
    return f'{title}<b>{escape(landmarks.summary(_))}</b><table cellpadding="6"><tr>{"".join(columns)}</tr></table>'


def _pair(name: str, before: float, after: float) -> str:
    numbers = "".join(f'<td align="right">{value:.1f}</td>' for value in (before, after))
    return f"<tr><td>{escape(name)}</td>{numbers}</tr>"


def _detail(name: str, value: str) -> str:
    return f'<tr><td><font color="{_GREY}">{escape(name)}&nbsp;&nbsp;</font></td><td>{escape(value)}</td></tr>'
