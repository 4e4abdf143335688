"""Images as SimpleITK has them: geometry, NIfTI's habits, transforms, modalities, intensities, white matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..faces import lazy_names

if TYPE_CHECKING:
    from .background import (
        doubt_about_background as doubt_about_background,
        with_zero_background as with_zero_background,
    )
    from .image_files import open_image as open_image, require_right_angles as require_right_angles
    from .image_quality import constant_psnr as constant_psnr, psnr as psnr, ssim as ssim, ssim_map as ssim_map
    from .image_writing import (
        WRITTEN_SUFFIXES as WRITTEN_SUFFIXES,
        require_volume_suffix as require_volume_suffix,
        write_volume as write_volume,
        write_volumes as write_volumes,
    )
    from .intensities import (
        CLIPPED_PERCENTILE as CLIPPED_PERCENTILE,
        FOREGROUND_MINIMUM as FOREGROUND_MINIMUM,
        WHITE_MATTER_LEVEL as WHITE_MATTER_LEVEL,
        InputRange as InputRange,
        harmonise_target as harmonise_target,
        input_range as input_range,
        to_unit as to_unit,
    )
    from .itk_files import file_notes as file_notes, read_information as read_information
    from .modalities import (
        MODALITIES as MODALITIES,
        MR_MODALITIES as MR_MODALITIES,
        guess_modality as guess_modality,
        modality as modality,
    )
    from .nifti_forms import (
        NIFTI_FORMS as NIFTI_FORMS,
        chosen_nifti_form as chosen_nifti_form,
        matrix_of as matrix_of,
    )
    from .nifti_questions import NiftiQuestion as NiftiQuestion, nifti_question as nifti_question
    from .transform_files import (
        read_transform as read_transform,
        require_transform_suffix as require_transform_suffix,
        write_transform as write_transform,
    )
    from .transforms import (
        RAS_TO_LPS as RAS_TO_LPS,
        Matrix as Matrix,
        apply_matrix as apply_matrix,
        exp_se3 as exp_se3,
        flip_points as flip_points,
        flip_ras_lps as flip_ras_lps,
        inverse as inverse,
        nearest_rotation as nearest_rotation,
        rotation_vectors as rotation_vectors,
        to_euler as to_euler,
        to_matrix as to_matrix,
        to_rigid_matrix as to_rigid_matrix,
        translation_matrix as translation_matrix,
    )
    from .volumes import (
        LARGEST_EXTENT_MM as LARGEST_EXTENT_MM,
        OWN_SPACING_RATIO as OWN_SPACING_RATIO,
        SAME_SPACING as SAME_SPACING,
        SMALLEST_SPACING_MM as SMALLEST_SPACING_MM,
        SMALLEST_WEIGHT as SMALLEST_WEIGHT,
        WayBack as WayBack,
        Within as Within,
        bounding_box as bounding_box,
        check_volume as check_volume,
        closed as closed,
        field_of_view as field_of_view,
        from_slices as from_slices,
        grid_over as grid_over,
        image_in_ras as image_in_ras,
        image_on as image_on,
        largest_section as largest_section,
        read_grid as read_grid,
        read_volume as read_volume,
        require_millimetres as require_millimetres,
        resampled as resampled,
        resampled_within as resampled_within,
        same_grid as same_grid,
        slice_spacings as slice_spacings,
        to_slices as to_slices,
        working_grid as working_grid,
    )
    from .white_matter import (
        WhiteMatter as WhiteMatter,
        estimate_white_matter as estimate_white_matter,
        white_matter_from_labels as white_matter_from_labels,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)
