"""What a request asks for: values from JSON, of which each is checked as it is taken."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TypeVar

from ..exceptions import InputError
from ..fields import Settings, kinds_of

_T = TypeVar("_T")
_S = TypeVar("_S", bound=Settings)
_KIND_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", list: "a list"}


class Parameters:
    """The parameters of a request, taken one by one and checked; :meth:`finish` refuses what nobody took."""

    def __init__(self, values: object, name: str = "parameters") -> None:
        if not isinstance(values, dict):
            raise InputError(f"The {name} of a request are not an object; send names and values.")
        self._values = dict(values)

    def text(self, name: str, default: str | None = None) -> str:
        """A text; required where there is no default."""
        return self._required(name, self._take(name, str, default))

    def settings(self, kind: type[_S]) -> _S:
        """Those of the parameters that are fields of ``kind``, and its defaults for the others."""
        given = {name: self._values.pop(name) for name in kinds_of(kind) if name in self._values}
        return kind.from_json(given)

    def number(self, name: str, default: float) -> float:
        """A finite number."""
        value = self._take(name, float, default)
        if value is None or not math.isfinite(value):
            raise InputError(f"The parameter {name} is not finite; give an ordinary number.")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts, which is required."""
        return [_of_kind(name, entry, str) for entry in self._required(name, self._take(name, list, None))]

    def wholes(self, name: str, count: int) -> list[int] | None:
        """``count`` whole numbers, or nothing."""
        values = self._take(name, list, None)
        if values is not None and len(values) != count:
            raise InputError(f"The parameter {name} has {len(values)} numbers; give {count}.")
        return None if values is None else [_of_kind(name, entry, int) for entry in values]

    def numbers(self, name: str, count: int) -> list[float] | None:
        """``count`` finite numbers, or nothing."""
        values = self._take(name, list, None)
        if values is None:
            return None
        found = [_of_kind(name, entry, float) for entry in values]
        if len(found) != count or not all(map(math.isfinite, found)):
            raise InputError(f"The parameter {name} is not {count} finite numbers; correct it.")
        return found

    def path(self, name: str) -> Path | None:
        """The path of a file, or nothing."""
        value = self._take(name, str, None)
        return Path(value) if value else None

    def required_path(self, name: str) -> Path:
        """The path of a file."""
        return Path(self.text(name))

    def paths(self, name: str) -> dict[str, Path]:
        """Paths by name; none where nothing is given."""
        values = self._values.pop(name, None) or {}
        if not isinstance(values, dict):
            raise InputError(f"The parameter {name} is not an object; give a path for each name.")
        return {str(key): Path(_of_kind(name, value, str)) for key, value in values.items()}

    def group(self, name: str) -> Parameters | None:
        """Parameters within parameters, or nothing."""
        values = self._values.pop(name, None)
        return None if values is None else Parameters(values, name)

    def finish(self) -> None:
        """Refuse parameters that nobody took: a misspelt one would silently be its default."""
        if self._values:
            raise InputError(f"There is no parameter {sorted(map(str, self._values))[0]}; check its spelling.")

    def _take(self, name: str, kind: type[_T], default: _T | None) -> _T | None:
        value = self._values.pop(name, None)
        return default if value is None else _of_kind(name, value, kind)

    @staticmethod
    def _required(name: str, value: _T | None) -> _T:
        if value is None:
            raise InputError(f"The parameter {name} is missing; give it.")
        return value


def _of_kind(name: str, value: object, kind: type[_T]) -> _T:
    """``value`` itself, if JSON gave the type that is wanted; whole numbers count as numbers, truth values do not."""
    fitting: tuple[type, ...] = (int, float) if kind is float else (kind,)
    if not isinstance(value, fitting) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"The parameter {name} is not {_KIND_NAMES[kind]}; correct it.")
    return value  # type: ignore[return-value]
