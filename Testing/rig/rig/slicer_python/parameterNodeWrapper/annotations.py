"""What ``Annotated[...]`` can say of a parameter: its default, what is allowed, how a widget steps."""

from dataclasses import dataclass
from typing import Annotated, get_args


class Default:
    """The value to begin with, given or made by ``generator`` each time."""

    def __init__(self, value=None, *, generator=None):
        self._value, self._generator = value, generator

    @property
    def value(self):
        return self._generator() if self._generator else self._value


@dataclass
class Decimals:
    """Digits that a spin box or slider shows."""

    value: int


@dataclass
class SingleStep:
    """Step of a spin box or slider."""

    value: float


class Validator:
    """Raises from ``validate`` if a value is not allowed."""

    def validate(self, value):
        raise NotImplementedError


@dataclass
class WithinRange(Validator):
    """Both ends are allowed."""

    minimum: float
    maximum: float

    def validate(self, value):
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within range [{self.minimum}, {self.maximum}], is {value}")


@dataclass
class Minimum(Validator):
    """The minimum itself is allowed."""

    minimum: float

    def validate(self, value):
        if value < self.minimum:
            raise ValueError(f"Value must not be less than {self.minimum}, is {value}")


@dataclass
class Maximum(Validator):
    """The maximum itself is allowed."""

    maximum: float

    def validate(self, value):
        if value > self.maximum:
            raise ValueError(f"Value must not be greater than {self.maximum}, is {value}")


@dataclass
class Choice(Validator):
    """One of ``choices``."""

    choices: list

    def validate(self, value):
        if value not in self.choices:
            raise ValueError(f"Value must be one of {self.choices}, is {value}")


@dataclass
class Exclude(Validator):
    """None of ``excludedValues``."""

    excludedValues: list

    def validate(self, value):
        if value in self.excludedValues:
            raise ValueError(f"Value must not be one of {self.excludedValues}, is {value}")


def split(hint):
    """``Annotated[type, a, b]`` or a plain type -> (type, [a, b])."""
    kind, *annotations = get_args(Annotated[hint, None])
    return kind, annotations[:-1]


def first(annotations, kind):
    """The first annotation of a kind, or None."""
    return next((annotation for annotation in annotations if isinstance(annotation, kind)), None)
