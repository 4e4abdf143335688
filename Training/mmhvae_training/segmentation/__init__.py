"""Training of the tumour segmenter of `mmhvae.segmentation`: patients, simulated surroundings, losses, judging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .configuration import PatientsConfig as PatientsConfig, SegmenterConfiguration as SegmenterConfiguration
    from .fields import chance as chance, uniform as uniform
    from .judging import HEAD_MARGIN as HEAD_MARGIN, Judged as Judged, images_of as images_of, judge as judge
    from .patients import (
        Patient as Patient,
        image_path as image_path,
        labels_path as labels_path,
        named_patients as named_patients,
        nested_regions as nested_regions,
        read_patient as read_patient,
        read_patients as read_patients,
    )
    from .scene import Scene as Scene, draw_scene as draw_scene
    from .segmenter_method import SegmenterMethod as SegmenterMethod, new_segmenter as new_segmenter
    from .surroundings import AIR as AIR, HIGHEST as HIGHEST
    from .view import thick_slices as thick_slices
else:
    __getattr__ = lazy_names(__name__, __file__)
