"""Install what is missing from the network, by Slicer's own means: they know its Python and its constraints.

torch comes by the PyTorch extension, which finds the build for the computer's GPU; it would import torch into Slicer's
process when it is done, and is kept from that: torch lives in the engine's process alone.
"""

from __future__ import annotations

import importlib.util
import inspect
import io
import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import slicer
from mmhvae import InputError
from slicer.i18n import tr as _

from ..engine import python_command
from .environment import installed, pinned
from .needed_packages import is_new_enough, requirement, version_of

#: Who asks, in the dialogs of Slicer's installer.
REQUESTER = "MMHVAE"
#: Seconds that the first import of torch may take on a slow disk.
IMPORT_LIMIT = 180.0

_log = logging.getLogger(__name__)


def install_from_network(name: str, on_line: Callable[[str], None]) -> None:
    """Install one of the packages that the engine needs; the program stands still but for what ``on_line`` does.

    Args:
        name: "torch" or "safetensors".
        on_line: hears every line that the installer writes.

    Raises:
        InputError: it was not installed, and why.
    """
    with redirect_stdout(_Lines(on_line)):
        if name == "torch":
            _install_torch()
        else:
            _install_package(name)
    _require(name)


def network_problem(names: Sequence[str]) -> str:
    """Why these packages cannot be had from the network here, in a sentence; "" where they can."""
    if "torch" not in names or _can_be_imported("PyTorchUtils"):
        return ""
    return _(
        "The extension PyTorch is missing; install it with the Extensions Manager and restart Slicer, or install from "
        "a folder of wheels in MMHVAE Synthesis, section Setup."
    )


def _can_be_imported(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # it was imported by somebody who made it without a file
        return True


def _install_torch() -> None:
    try:
        import PyTorchUtils

        install = PyTorchUtils.PyTorchUtilsLogic().installTorch
    except (ImportError, AttributeError) as error:
        raise InputError(_("The extension PyTorch cannot be used; install its newest version.")) from error
    with _without_import("torch"):
        try:
            _call(install, askConfirmation=False, torchVersionRequirement=requirement("torch").removeprefix("torch"))
        except ModuleNotFoundError as error:
            if error.name != "torch":  # else it has installed torch, and wanted to import it
                raise _failed("torch", error) from error
        except Exception as error:  # it runs pip: anything can happen
            raise _failed("torch", error) from error


def _install_package(name: str) -> None:
    """By Slicer's newer installer where there is one; both run pip in Slicer's Python, held to what is there."""
    ensure = _pip_ensure()
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        present = {other: version for other, version in installed().items() if other != name}
        constraints.write_text(pinned(present), encoding="utf-8")
        try:
            if ensure is not None:
                wishes = {"constraints": str(constraints), "prompt_install": False, "requester": REQUESTER}
                _call(ensure, [requirement(name)], **wishes)
            else:
                slicer.util.pip_install([requirement(name), "--constraint", str(constraints)])
        except Exception as error:
            raise _failed(name, error) from error


def _pip_ensure() -> Callable[..., Any] | None:
    """Slicer's newer installer, where there is one."""
    try:
        from slicer.packaging import pip_ensure
    except ImportError:
        return None
    found: Callable[..., Any] = pip_ensure
    return found


def _failed(name: str, error: Exception) -> InputError:
    _log.error("%s was not installed", name, exc_info=error)
    reason = str(error).strip().rstrip(".") or type(error).__name__
    return InputError(_("{name} could not be installed: {error}.").format(name=name, error=reason))


def _require(name: str) -> None:
    """The package must be there, new enough, and usable by the engine's interpreter, which is asked."""
    version = version_of(name)
    if version is None:
        raise InputError(_("{name} was not installed.").format(name=name))
    if not is_new_enough(version, requirement(name).split(">=")[1]):
        raise InputError(
            _("{name} {version} is too old; uninstall it, and try again.").format(name=name, version=version)
        )
    problem = import_problem(name, python_command())
    if problem:
        raise InputError(
            _("{name} was installed and cannot be used: {problem}.").format(name=name, problem=problem.rstrip("."))
        )


def import_problem(name: str, python: Sequence[str]) -> str:
    """The last line of what ``python`` says where it cannot import ``name``; "" where it can."""
    command = [*python, "-c", f"import {name}"]
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=IMPORT_LIMIT, check=False, creationflags=hidden
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = done.stderr.strip().splitlines()
    return (lines[-1] if lines else f"exit status {done.returncode}") if done.returncode else ""


@contextmanager
def _without_import(name: str) -> Iterator[None]:
    """Whoever imports ``name`` meanwhile hears that it is not there; one that was imported before stays."""
    modules: dict[str, Any] = sys.modules
    if name in modules:
        yield
        return
    modules[name] = None  # Python's own way to say so
    try:
        yield
    finally:
        if modules.get(name) is None:
            modules.pop(name, None)


def _call(function: Callable[..., Any], *arguments: Any, **wishes: Any) -> Any:
    """Call ``function`` with those of the named arguments that this version of it takes."""
    parameters = inspect.signature(function).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return function(*arguments, **{name: value for name, value in wishes.items() if takes_all or name in parameters})


class _Lines(io.TextIOBase):
    """A text stream that passes on whole lines."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line, self._rest = on_line, ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                self._on_line(line.strip())
        return len(text)
