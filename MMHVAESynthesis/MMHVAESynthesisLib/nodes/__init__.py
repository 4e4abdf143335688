"""Nodes of the scene as the engine needs them: where they lie, what is in them, when they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .browser_frames import (
        require_sweep as require_sweep,
        tracked_frames as tracked_frames,
        write_sweep_steps as write_sweep_steps,
    )
    from .fingerprints import (
        Fingerprint as Fingerprint,
        content as content,
        file_fingerprint as file_fingerprint,
        fingerprint as fingerprint,
        sweep_fingerprint as sweep_fingerprint,
    )
    from .geometry import (
        FLIP as FLIP,
        Matrix as Matrix,
        follow as follow,
        ijk_to_ras as ijk_to_ras,
        ijk_to_world as ijk_to_world,
        parent_to_world as parent_to_world,
        same_place as same_place,
        to_array as to_array,
        to_vtk as to_vtk,
    )
    from .helper_nodes import (
        find_helper as find_helper,
        new_helper as new_helper,
        remove_shown as remove_shown,
    )
    from .input_watch import InputWatch as InputWatch
    from .nifti_place import (
        choose_form as choose_form,
        chosen_form as chosen_form,
        hindrance_of as hindrance_of,
        question_of as question_of,
        require_known_place as require_known_place,
    )
    from .node_watch import NodeWatch as NodeWatch
    from .segment_contents import segment_fingerprints as segment_fingerprints
    from .segment_labels import (
        Layer as Layer,
        Segment as Segment,
        flat_labels as flat_labels,
        image_at as image_at,
        is_visible as is_visible,
        label_layers as label_layers,
        label_maps as label_maps,
        lattice_to_ras as lattice_to_ras,
        layer_steps as layer_steps,
    )
    from .volume_files import (
        FileImage as FileImage,
        image_data as image_data,
        read_steps as read_steps,
        require_volume as require_volume,
        voxels as voxels,
        write_image_steps as write_image_steps,
        write_volume_steps as write_volume_steps,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)
