"""The page for the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .record import Subject as Subject
    from .report_panel import ReportPanel as ReportPanel
else:
    __getattr__ = lazy_names(__name__, __file__)
