"""DICOM as archives hand it out: a tree by UID -> series, volumes, segmentations, and ReMIND's cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .archive import dicom_cases as dicom_cases, read_dicom_case as read_dicom_case
    from .index import DicomSeries as DicomSeries, scan as scan
    from .segmentation import read_segments as read_segments
    from .volume import header_of as header_of, read_series as read_series
else:
    __getattr__ = lazy_names(__name__, __file__)
