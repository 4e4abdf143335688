"""What the command line does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from .bundles import add_bundles as add_bundles
    from .command_line import NOTICE as NOTICE, Commands as Commands, Parser as Parser
    from .demo import add_demo as add_demo
    from .landmarks import add_tre as add_tre
    from .outline_us import add_outline_us as add_outline_us
    from .overlay import add_overlay as add_overlay
    from .register import add_register as add_register
    from .register_case import add_register_case as add_register_case
    from .running import run_program as run_program
    from .segment import add_segment as add_segment
    from .streams import Output as Output, complain as complain, open_streams as open_streams
    from .sweep import add_reconstruct as add_reconstruct
    from .synthesize import add_synthesize as add_synthesize
    from .weights import add_weights as add_weights
else:
    __getattr__ = lazy_names(__name__, __file__)
