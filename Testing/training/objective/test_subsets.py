"""The mixture's weights: the paper's draw and the release's enumeration."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from mmhvae_training.objective.subsets import draw_subset, enumerated_subsets, is_partial, subsets_of

FOUR = ("us", "t2", "cet1", "flair")


@pytest.mark.parametrize(
    ("observed", "shares"),
    [
        (FOUR, {"all": 1 / 3, "us": 1 / 3}),
        (("us", "t2"), {"all": 1 / 3, "us": 1 / 3}),
        (("t2", "flair"), {"all": 1 / 2 + 1 / 6, "us": 0}),
        (("us",), {"all": 1, "us": 1}),
    ],
    ids="+".join,
)
def test_subsets_are_drawn_with_the_papers_probabilities(observed, shares):
    rng = np.random.default_rng(0)
    counts = Counter(draw_subset(observed, rng) for _ in range(6000))
    assert all(set(subset) <= set(observed) and subset for subset in counts)
    assert counts[observed] / 6000 == pytest.approx(shares["all"], abs=0.03)
    assert counts[("us",)] / 6000 == pytest.approx(shares["us"], abs=0.03)
    mr = {s: n for s, n in counts.items() if "us" not in s}
    assert len(mr) == 2 ** sum(name != "us" for name in observed) - 1


def test_nothing_observed_is_an_error():
    with pytest.raises(ValueError, match="at least one"):
        draw_subset((), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("observed", "updates"),
    [
        (("us",), [[("us",)]]),  # the release skips it
        (("us", "t2"), [[("t2",), ("us",), ("us", "t2")]]),
        (("t2", "flair"), [[("t2",), ("t2", "flair")], [("flair",), ("t2", "flair")], [("t2", "flair")]]),
    ],
    ids=["us", "us+t2", "t2+flair"],
)
def test_the_release_enumerates_every_mr_subset(observed, updates):
    assert enumerated_subsets(observed) == updates


def test_a_complete_case_gives_the_release_seven_updates():
    updates = enumerated_subsets(FOUR)
    assert [update[0] for update in updates] == subsets_of(FOUR[1:])
    assert len(updates) == 7
    assert all(update[1:] == [("us",), FOUR] for update in updates)


def test_passes_of_ultrasound_alone_and_of_mr_alone_are_partial():
    assert {subset for subset in subsets_of(FOUR) if is_partial(subset)} == {("us",), *subsets_of(FOUR[1:])}
