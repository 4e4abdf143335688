"""What both modules tell about themselves: who made them, and where their documentation is."""

from __future__ import annotations

from slicer.i18n import tr as _

#: ``Resources/set_repository.py`` writes these two, here and wherever else the address stands.
REPOSITORY = "https://example.org/SlicerMMHVAE"
IS_RELEASED = False

#: This extension's, and the model's authors: they wrote none of this program.
CONTRIBUTORS = [
    "The MMHVAE for 3D Slicer developers",
    "authors of the model: Reuben Dorent, Nazim Haouchine, Alexandra Golby, Sarah Frisken, Tina Kapur, William Wells "
    "(Brigham and Women's Hospital, Harvard Medical School)",
]


def documentation_link(section: str) -> str:
    """HTML that leads to a section of the README, and to what helps when something does not work.

    Args:
        section: its heading.
    """
    anchor = "".join(letter for letter in section.lower().replace(" ", "-") if letter.isalnum() or letter == "-")
    return _(
        '<p>For more information see the <a href="{repository}#{anchor}">documentation</a> and '
        '<a href="{repository}/blob/main/Resources/Troubleshooting.md">troubleshooting</a>.</p>'
    ).format(repository=REPOSITORY, anchor=anchor)


def acknowledgement() -> str:
    """What the software rests on."""
    return _(
        "The model is the mixture of multimodal hierarchical variational auto-encoders (MMHVAE) of R. Dorent, N. "
        "Haouchine, A. Golby, S. Frisken, T. Kapur and W. Wells: Unified Cross-Modal Medical Image Synthesis with "
        "Hierarchical Mixture of Product-of-Experts."
    )
