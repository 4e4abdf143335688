"""What the engine does for sweeps: a file of tracked frames becomes a volume."""

from __future__ import annotations

from ..answers import ReconstructionAnswer
from ..exceptions import Progress
from ..settings import ReconstructionSettings
from ..sweep import Reconstruction, read_calibration, read_sweep, reconstruct
from .context import Context
from .parameters import Parameters


def run_reconstruct(parameters: Parameters, context: Context) -> ReconstructionAnswer:
    """The volume of a tracked sweep, and its field of view."""
    return reconstructed(parameters, context, context.progress)[1]


def reconstructed(
    parameters: Parameters, context: Context, progress: Progress
) -> tuple[Reconstruction, ReconstructionAnswer]:
    """The sweep that the parameters name, compounded; its images written."""
    path, calibration = parameters.required_path("path"), parameters.text("calibration", "")
    settings = parameters.settings(ReconstructionSettings)
    parameters.finish()
    image, probe, reference = settings.image_frame, settings.probe_frame, settings.reference_frame
    image_to_probe = read_calibration(calibration, image=image, probe=probe) if calibration else None
    sweep = read_sweep(path, image_to_probe, image=image, probe=probe, reference=reference)
    compounded = reconstruct(sweep, settings=settings, progress=progress)
    return compounded, ReconstructionAnswer(
        ultrasound=context.write(compounded.volume, "ultrasound"),
        field_of_view=context.write(compounded.field_of_view, "ultrasound-field-of-view"),
        frames_used=compounded.frames_used,
        frames_dropped=compounded.frames_dropped,
        why_dropped=compounded.why_dropped,
        settings=settings,
    )
