"""Label maps onto another grid, their topology kept, and the files that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from ..answers import OutlineAgreement as OutlineAgreement, PlacedLabel as PlacedLabel
    from .label_files import (
        Segmentation as Segmentation,
        is_dicom as is_dicom,
        read_segmentation as read_segmentation,
        require_labels as require_labels,
    )
    from .label_maps import label_steps as label_steps, overlay as overlay
    from .layer_files import layer_paths as layer_paths, write_layers as write_layers
    from .outline_agreement import compare_outlines as compare_outlines
else:
    __getattr__ = lazy_names(__name__, __file__)
