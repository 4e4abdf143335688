"""What the command line does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from .command_line import (
        NOTICE as NOTICE,
        Commands as Commands,
        Parser as Parser,
        add_command as add_command,
        quiet_libraries as quiet_libraries,
        report as report,
        require_no_input as require_no_input,
        require_writable as require_writable,
    )
    from .overlay import add_overlay as add_overlay
    from .segment import add_segment as add_segment
    from .sweep import (
        add_reconstruct as add_reconstruct,
        add_sweep_options as add_sweep_options,
        synthesized_frames as synthesized_frames,
        ultrasound_from_sweep as ultrasound_from_sweep,
    )
    from .weights import add_weights as add_weights, bundle_at as bundle_at
else:
    __getattr__ = lazy_names(__name__, __file__)
