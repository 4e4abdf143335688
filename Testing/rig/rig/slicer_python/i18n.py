"""Stand-in of ``slicer.i18n``: texts as they are, in English."""

import slicer


def translate(context: str, text: str) -> str:
    """``text`` in the application's language."""
    return slicer.app.translate(context, text)


def tr(text: str) -> str:
    """``text`` in the application's language; Slicer adds the calling file as context, which English does not need."""
    return translate("", text)
