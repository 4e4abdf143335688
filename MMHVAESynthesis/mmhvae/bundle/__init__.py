"""A model on disk: bundles, the authors' checkpoint; shipped, downloadable and installed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from .bundle import (
        Bundle as Bundle,
        Manifest as Manifest,
        load_bundle as load_bundle,
        save_bundle as save_bundle,
    )
    from .catalogue import Downloadable as Downloadable, downloadable as downloadable, downloadables as downloadables
    from .installation import (
        install_as as install_as,
        install_from_file as install_from_file,
        install_from_network as install_from_network,
    )
    from .kinds import (
        BRAIN as BRAIN,
        OUTLINES as OUTLINES,
        TUMOUR_IN_ULTRASOUND as TUMOUR_IN_ULTRASOUND,
        ModelKind as ModelKind,
        kind_of as kind_of,
        require_kind as require_kind,
    )
    from .members import (
        CARD as CARD,
        MANIFEST as MANIFEST,
        WEIGHTS as WEIGHTS,
        damage_refused as damage_refused,
        description_in as description_in,
        members_of as members_of,
        read_members as read_members,
        require_checksum as require_checksum,
        require_same_shapes as require_same_shapes,
        tensors_in as tensors_in,
        write_members as write_members,
    )
    from .shipped import (
        brain_extractor_bundle as brain_extractor_bundle,
        demo_case as demo_case,
        segmenter_bundle as segmenter_bundle,
        starter_bundle as starter_bundle,
    )
    from .store import (
        InstalledBundle as InstalledBundle,
        WeightsStore as WeightsStore,
        bundle_at as bundle_at,
        list_bundles as list_bundles,
        name_for as name_for,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)
