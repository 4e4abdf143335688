"""Sequence files that PLUS wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.sweep.calibration import read_calibration
from mmhvae.sweep.sequence_file import read_frames, read_sweep

from .sequence_files import saved

PLUS = Path(__file__).resolve().parents[4] / "shared" / "data" / "plus"


needs_plus = pytest.mark.skipif(not PLUS.is_dir(), reason=f"the real sequences of PLUS are not in {PLUS}")


FREEHAND = ["NwirePhantomFreehand.igs.mha", "NwirePhantomFreehand.igs.nrrd"]


IMAGE_TO_PROBE = "-0.0094 -0.0739 -0.0028 -103.5322 0.0774 -0.0076 -0.0049 -43.1227 0.0046 -0.0032 0.076 -93.3 0 0 0 1"


@needs_plus
def test_real_mha_and_nrrd_are_the_same_and_as_itk_reads_them() -> None:
    sweeps = [read_sweep(PLUS / name, read_calibration(IMAGE_TO_PROBE)) for name in FREEHAND]
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(PLUS / FREEHAND[0])))
    assert pixels.shape == (97, 616, 820)
    for sweep in sweeps:
        assert sweep.frames.shape == (616, 820)
        assert sweep.valid.all()
        assert all((frame == expected).all() for frame, expected in zip(sweep.frames, pixels, strict=True))
    assert (sweeps[0].image_to_reference == sweeps[1].image_to_reference).all()
    assert (sweeps[0].timestamps == sweeps[1].timestamps).all()
    assert sweeps[0].timestamps[[0, 96]].tolist() == [345.627957, 355.783014]


@needs_plus
def test_real_poses_follow_the_formula_of_their_description() -> None:
    calibration = read_calibration(IMAGE_TO_PROBE)
    sweep = read_sweep(PLUS / FREEHAND[0], calibration)
    values = dict(
        (part.strip() for part in line.split("=", 1))
        for line in (PLUS / FREEHAND[0]).read_bytes().split(b"ElementDataFile")[0].decode().splitlines()
        if "Transform =" in line
    )
    for number in (0, 50, 96):
        probe, reference = (
            np.array(values[f"Seq_Frame{number:04d}_{name}ToTrackerTransform"].split(), float).reshape(4, 4)
            for name in ("Probe", "Reference")
        )
        expected = np.linalg.inv(reference) @ probe @ calibration
        np.testing.assert_allclose(sweep.image_to_reference[number], expected, rtol=0, atol=1e-9)


@needs_plus
def test_real_colour_frame_becomes_luminance() -> None:
    path = PLUS / "ColorNrrdSample.igs.nrrd"
    (frame,) = read_frames(path)
    colours = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    assert frame.shape == (648, 1152)
    np.testing.assert_allclose(frame, colours @ [0.299, 0.587, 0.114], atol=0.5001)
    with pytest.raises(InputError, match="no tracking"):
        read_sweep(path)


@needs_plus
def test_a_reconstructed_volume_is_no_tracked_sequence() -> None:
    with pytest.raises(InputError, match="no tracking"):
        read_sweep(PLUS / "NwirePhantomFreehandReconstructed.mha")


@needs_plus
def test_real_sequence_cut_off(tmp_path: Path) -> None:
    content = (PLUS / FREEHAND[1]).read_bytes()
    sweep = read_sweep(saved(tmp_path, content[: len(content) // 2], "s.igs.nrrd"), read_calibration(IMAGE_TO_PROBE))
    with pytest.raises(InputError, match="cut off"):
        list(sweep.frames)
