"""What is drawn into the slice views, and how results are shown there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .annotation import (
        annotate_slice_views as annotate_slice_views,
        note_in_views as note_in_views,
        stop_annotating as stop_annotating,
    )
    from .computed_outlines import COMPUTED as COMPUTED
    from .display import (
        COLOURS as COLOURS,
        CONTOURS as CONTOURS,
        OFF as OFF,
        show_results as show_results,
        take_out_uncertainty as take_out_uncertainty,
    )
    from .fade_key import FadeKey as FadeKey
    from .followed_view import FollowedView as FollowedView
    from .jump import jump_to as jump_to
    from .slice_lines import SliceLines as SliceLines, SurfaceLine as SurfaceLine
    from .surfaces import Surface as Surface, surfaces_of as surfaces_of
    from .visible_views import SliceView as SliceView, slice_views as slice_views
else:
    __getattr__ = lazy_names(__name__, __file__)
