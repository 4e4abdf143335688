"""Orientation letters, proved by a scene that looks different from every side."""

from __future__ import annotations

import numpy as np
import pytest
from mmhvae.exceptions import InputError
from mmhvae.sweep.orientation import check_orientation, to_marked_far

WIDTH, DEPTH = 5, 3  # pixels along the probe's face, and away from it


def scene(marked: int, far: int) -> int:
    """What lies so many pixels towards the marked side, and away from the probe."""
    return 10 * far + marked


def stored(letters: str) -> np.ndarray:
    """The scene as a file of these letters stores it, pixel by pixel from the letters' meaning."""
    sizes = {"M": WIDTH, "U": WIDTH, "F": DEPTH, "N": DEPTH}
    image = np.zeros((sizes[letters[1]], sizes[letters[0]]), np.uint8)
    for y, x in np.ndindex(image.shape):
        place = {letters[0]: x, letters[1]: y}
        marked = place["M"] if "M" in place else WIDTH - 1 - place["U"]
        far = place["F"] if "F" in place else DEPTH - 1 - place["N"]
        image[y, x] = scene(marked, far)
    return image


@pytest.mark.parametrize("letters", ["MF", "UF", "MN", "UN", "FM", "FU", "NM", "NU"])
@pytest.mark.parametrize("elevation", ["", "A", "D"])
def test_every_orientation_becomes_marked_far(letters: str, elevation: str) -> None:
    expected = [[scene(marked, far) for marked in range(WIDTH)] for far in range(DEPTH)]
    turned = to_marked_far(stored(letters), check_orientation(letters + elevation))
    np.testing.assert_array_equal(turned, expected)


@pytest.mark.parametrize("letters", ["", " mfa ", "MF"])
def test_absent_or_lower_case_letters(letters: str) -> None:
    assert check_orientation(letters) == "MF"


@pytest.mark.parametrize("letters", ["XX", "MU", "FN", "M", "AMF", "MFX", "LPS"])
def test_unknown_letters_are_refused(letters: str) -> None:
    with pytest.raises(InputError, match="orientation"):
        check_orientation(letters)
