"""What a panel's parameter can be: as the core's settings have it, in the words of Slicer's wrapper."""

from __future__ import annotations

from mmhvae.fields import Settings, choices_of, rules_of
from slicer.parameterNodeWrapper import Choice, WithinRange


def within(settings: type[Settings], name: str) -> WithinRange:
    """The bounds of a number."""
    rule = rules_of(settings)[name]
    return WithinRange(rule.low, rule.high)


def one_of(settings: type[Settings], name: str) -> Choice:
    """The choices of a text."""
    return Choice(list(choices_of(settings, name)))
