"""Parts of the registration panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .input_rows import CaseInputRows as CaseInputRows
    from .landmark_placing import LandmarkPlacing as LandmarkPlacing
    from .landmarks_panel import LandmarksPanel as LandmarksPanel
    from .move_list import MoveList as MoveList
    from .region_row import RegionRow as RegionRow
    from .register_section import RegisterSection as RegisterSection
    from .registration_lists import RegistrationLists as RegistrationLists
    from .start_panel import StartPanel as StartPanel
    from .trust_card import (
        TrustCard as TrustCard,
        error_text as error_text,
        moved_text as moved_text,
        reason_text as reason_text,
        word as word,
    )
    from .verdict_signs import SIGNS as SIGNS
else:
    __getattr__ = lazy_names(__name__, __file__)
