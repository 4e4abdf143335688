"""Witnesses: weighed by strength and margin, told in a sentence, and not led astray by a wrong result."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mmhvae.registration.trust.reasons import witnessed
from mmhvae.registration.trust.witnesses import AGREEING, ELSEWHERE, PLAIN, Witness, is_known_weak, support, weighed

STRONG = Witness("cet1", 1.0, 6.0, 0.6)
WEAK = Witness("flair", 9.0, 3.0, 0.2)
LC2 = Witness("us", 2.0, 12.0, 0.5)


@pytest.mark.parametrize(
    ("margin", "strength", "weight"), [(PLAIN, 0.6, 0.6), (PLAIN / 2, 0.6, 0.3), (99.0, 0.4, 0.4), (-1.0, 0.6, 0.0)]
)
def test_a_word_weighs_by_strength_and_margin(margin: float, strength: float, weight: float) -> None:
    assert Witness("t2", 1.0, margin, strength).weight == pytest.approx(weight)


def test_a_weak_witness_that_disagrees_counts_little() -> None:
    found = weighed([STRONG, WEAK, LC2])
    assert found["weighed_witnesses_mm"] == pytest.approx((0.6 * 1 + 0.1 * 9 + 0.5 * 2 + 0.1 * 5) / 1.3)
    assert found["second_witness_mm"] == 2.0
    assert found["agreeing_witnesses"] == 2
    assert weighed([STRONG, Witness("flair", 9.0, 6.0, 0.6), LC2])["weighed_witnesses_mm"] > 4


@pytest.mark.parametrize(
    ("witnesses", "verdict"),
    [
        ([], ""), ([STRONG], "check"), ([STRONG, LC2], "good"), ([STRONG, WEAK], "check"),
        ([replace(STRONG, margin=0.9)], ""), ([replace(STRONG, margin=1.1), replace(LC2, margin=1.1)], "check"),
        ([replace(STRONG, margin=1.5), replace(LC2, distance_mm=9.0)], ""),
    ],
)  # fmt: skip
def test_those_who_agree_must_outweigh_the_others(witnesses: list[Witness], verdict: str) -> None:
    assert support(witnesses, heard=0.1, convincing=0.25) == verdict


def test_where_none_knows_much_little_is_known() -> None:
    unsure = [replace(each, margin=0.1) for each in (STRONG, LC2)]
    assert weighed(unsure)["weighed_witnesses_mm"] == pytest.approx(5, abs=0.7)


def test_one_witness_has_no_second_and_far_is_far() -> None:
    assert "second_witness_mm" not in weighed([STRONG])
    assert weighed([]) == {}
    far, farther = (weighed([Witness("t2", mm, 6.0, 0.5)]) for mm in (ELSEWHERE, 30.0))
    assert far == farther
    assert not Witness("t2", AGREEING + 0.1, 6.0, 0.5).agrees


@pytest.mark.parametrize(
    ("witnesses", "sentence"),
    [
        ([], ""),
        ([STRONG], "Each route searching alone ends here: ceT1 1.0 mm."),
        (
            [STRONG, LC2, WEAK],
            "Each route searching alone ends here: ceT1 1.0 mm and the ultrasound itself 2.0 mm; "
            "elsewhere: FLAIR 9.0 mm away.",
        ),
        ([WEAK], "No route searching alone ends here: FLAIR 9.0 mm away."),
    ],
)
def test_the_sentence_names_who_agrees_within_how_many_mm(witnesses: list[Witness], sentence: str) -> None:
    assert witnessed(witnesses) == sentence


@pytest.mark.parametrize(
    ("lost", "is_weak"), [("flair", True), ("cet1", False), ("", True)], ids=["weak", "strong", "the least plain"]
)
def test_a_lost_contrast_is_known_to_be_weak_by_its_own_strength_not_by_anothers(lost: str, is_weak: bool) -> None:
    assert is_known_weak([STRONG, WEAK, LC2], lost) == is_weak
    assert not is_known_weak([LC2], lost)
