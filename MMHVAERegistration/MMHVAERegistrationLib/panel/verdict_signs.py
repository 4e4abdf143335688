"""What a verdict looks like, in the panel and on the page for the record; the word says the same."""

from __future__ import annotations

#: Sign and colour by verdict, "" where nothing judged the pose. The colours (Okabe and Ito) are told apart by the
#: colour-blind, too.
SIGNS = {
    "good": ("\N{HEAVY CHECK MARK}", "#00785a"),
    "check": ("\N{BLACK UP-POINTING TRIANGLE}", "#b06a00"),
    "failed": ("\N{HEAVY MULTIPLICATION X}", "#a83c00"),
    "": ("\N{EM DASH}", "#555555"),
}
