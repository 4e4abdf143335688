"""Random draws that set some settings aside: held-out cases use values that no training case ever had.

Of a reserved range, training draws from the middle and held-out cases from both ends, so that a held-out score
says how a network does on anatomy and acquisitions beyond those it learnt from.
"""

from __future__ import annotations

import numpy as np

#: Share of a reserved range at either end that training never draws from.
RESERVED = 0.15


class Draws:
    """A generator, and whether the case it draws is held out.

    Args:
        rng: every draw advances it.
        held_out: draw reserved ranges from their ends instead of from their middle.
    """

    def __init__(self, rng: np.random.Generator, held_out: bool = False) -> None:
        self.rng = rng
        self.held_out = held_out

    def reserved(self, low: float, high: float) -> float:
        """A uniform draw from ``low`` to ``high`` without the ends, or from the ends alone for a held-out case."""
        position = self.rng.uniform(RESERVED, 1 - RESERVED)
        if self.held_out:
            position = self.rng.uniform(0, RESERVED)
            position = 1 - position if self.rng.random() < 0.5 else position
        return float(low + (high - low) * position)
