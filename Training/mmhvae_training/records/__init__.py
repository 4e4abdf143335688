"""What long work leaves behind: lines that are appended, files written whole or not at all, and what made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .cases import (
        CASES as CASES,
        checksum_of_files as checksum_of_files,
        refuse_other_cases as refuse_other_cases,
        require_same_cases as require_same_cases,
    )
    from .files import read_json as read_json, write_json as write_json
    from .lines import read_lines as read_lines, write_line as write_line
    from .processes import (
        has_lines as has_lines,
        lines_of as lines_of,
        read_all_lines as read_all_lines,
        run_processes as run_processes,
    )
    from .provenance import commit as commit
    from .rows import read_rows as read_rows, write_rows as write_rows
    from .settings import (
        SETTINGS as SETTINGS,
        differing as differing,
        refuse_other_settings as refuse_other_settings,
        require_same_settings as require_same_settings,
    )
    from .shapes import misfit as misfit
else:
    __getattr__ = lazy_names(__name__, __file__)
