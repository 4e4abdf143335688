"""Install torch by means of Slicer's PyTorch extension, which knows the build that fits the computer's GPU."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

_log = logging.getLogger(__name__)


def install_torch(oldest: str) -> str:
    """Ask the extension to install torch, which asks the user in turn; the program stands still meanwhile.

    Args:
        oldest: the version that is needed at least.

    Returns:
        Why torch was not installed, in a sentence; "" if it was.
    """
    try:
        import PyTorchUtils

        logic = PyTorchUtils.PyTorchUtilsLogic()
        install = logic.installTorch
    except (ImportError, AttributeError):
        return _(
            "The extension PyTorch is missing; install it with the Extensions Manager and restart Slicer, or install "
            "from a folder of wheels."
        )
    try:
        installed = _call(install, askConfirmation=True, torchVersionRequirement=f">={oldest}")
    except Exception as error:  # it runs pip and imports torch: anything can happen
        _log.exception("the PyTorch extension could not install torch")
        return _("The PyTorch extension could not install torch: {error}").format(error=error)
    # Older versions return torch or None, and another one may return nothing at all: ask, too.
    return "" if installed is not None or _is_installed(logic) else _("torch was not installed.")


def _call(function: Callable[..., Any], **wishes: Any) -> Any:
    """Call ``function`` with those of the arguments that this version of it takes."""
    parameters = inspect.signature(function).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return function(**{name: value for name, value in wishes.items() if takes_all or name in parameters})


def _is_installed(logic: Any) -> bool:
    try:
        return bool(logic.torchInstalled())
    except Exception:  # it looks into files that a broken installation lacks
        return False
