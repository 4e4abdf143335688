"""The engine process and its client: asked, cancelled, kept warm, survived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .client import Engine as Engine
    from .current_run import CurrentRun as CurrentRun
    from .engine_run import EngineRun as EngineRun
    from .engine_sharing import (
        SlicerEngine as SlicerEngine,
        python_command as python_command,
        shared_engine as shared_engine,
    )
    from .jobs import (
        CANCELLED as CANCELLED,
        Callbacks as Callbacks,
        Failure as Failure,
        Job as Job,
        ignore as ignore,
        moved_to as moved_to,
    )
    from .process import Process as Process, SubprocessProcess as SubprocessProcess, is_running as is_running
    from .qt_process import QtProcess as QtProcess
    from .session import Readiness as Readiness
    from .steps import CHUNK as CHUNK, completed as completed
    from .timer import Timer as Timer
else:
    __getattr__ = lazy_names(__name__, __file__)
