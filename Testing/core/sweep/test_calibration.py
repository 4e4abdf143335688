"""ImageToProbe from a transform file, from numbers, and from a PLUS configuration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.exceptions import InputError
from mmhvae.sweep.calibration import read_calibration

MATRIX = np.array(
    [
        [-0.0094, -0.0739, -0.0028, -103.5322],
        [0.0774, -0.0076, -0.0049, -43.1227],
        [0.0046, -0.0032, 0.0760, -93.3],
        [0, 0, 0, 1],
    ]
)
ROWS = "-0.0094 -0.0739 -0.0028 -103.5322 0.0774 -0.0076 -0.0049 -43.1227 0.0046 -0.0032 0.0760 -93.3 0 0 0 1"

CONFIGURATION = f"""<?xml version="1.0" encoding="UTF-8"?>
<PlusConfiguration version="2.9">
  <DataCollection StartupDelaySec="1.0"><Transform From="Image" To="Probe" Matrix="1 2"/></DataCollection>
  <CoordinateDefinitions>
    <Transform From="Stylus" To="StylusTip" Matrix="1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"/>
    <Transform From="Image" To="Probe" Error="0.5" Date="2012.03.01 10:00:00"
      Matrix="
        -0.0094 -0.0739 -0.0028 -103.5322
         7.74e-002 -0.0076 -0.0049 -43.1227
         0.0046 -0.0032 0.0760 -93.3
         0 0 0 1" />
    <Transform From="Image" To="TransducerOriginPixel" Matrix="{ROWS}"/>
  </CoordinateDefinitions>
</PlusConfiguration>
"""


def as_slicer_saves(matrix: np.ndarray) -> sitk.AffineTransform:
    """The ITK transform that 3D Slicer writes for a node with this matrix (to parent, RAS), from the definitions:
    it takes points of the parent, in LPS, to points of the node's own space, in LPS."""
    inverse = np.linalg.inv(matrix)
    transform = sitk.AffineTransform(3)
    flip = np.diag([-1.0, -1.0, 1.0])
    transform.SetMatrix((flip @ inverse[:3, :3] @ flip).ravel().tolist())
    transform.SetTranslation((flip @ inverse[:3, 3]).tolist())
    return transform


@pytest.mark.parametrize("suffix", [".tfm", ".txt", ".h5"])
def test_a_transform_file_gives_the_matrix_of_slicers_node(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"ImageToProbe{suffix}"
    transform = as_slicer_saves(MATRIX)
    sitk.WriteTransform(transform, str(path))
    np.testing.assert_allclose(read_calibration(path), MATRIX, rtol=0, atol=1e-9)
    # A pixel that the matrix takes into RAS is where ITK's transform, given that place in LPS, finds the pixel again.
    pixel = np.array([300.0, 200.0, 0.0])
    x, y, z = MATRIX[:3, :3] @ pixel + MATRIX[:3, 3]
    back = np.array(transform.TransformPoint((-x, -y, z))) * [-1, -1, 1]
    np.testing.assert_allclose(back, pixel, atol=1e-8)


@pytest.mark.parametrize(
    "text",
    [
        ROWS,
        ROWS.replace(" ", ","),
        ROWS.replace(" ", "\r\n"),
        f"[{ROWS}]",
        ROWS.replace("0.0774", "7.74e-002"),
        ROWS + "\n",
    ],
)
def test_16_numbers_are_taken_as_they_are(tmp_path: Path, text: str) -> None:
    assert (read_calibration(text) == MATRIX).all()
    path = tmp_path / "numbers.txt"
    path.write_text(text)
    assert (read_calibration(path) == MATRIX).all()
    assert (read_calibration(str(path)) == MATRIX).all()


def test_plus_configuration(tmp_path: Path) -> None:
    path = tmp_path / "PlusDeviceSet.xml"
    path.write_text(CONFIGURATION)
    assert (read_calibration(path) == MATRIX).all()


def test_plus_configuration_by_way_of_other_frames(tmp_path: Path) -> None:
    path = tmp_path / "nancy.xml"  # its name holds "nan"
    via = np.diag([0.5, 0.25, 1.0, 1.0])
    numbers = " ".join(map(str, np.linalg.inv(via).flat))
    path.write_text(
        f'<P><CoordinateDefinitions><Transform From="Image" To="Pixel" Matrix="{ROWS}"/>'
        f'<Transform From="Probe" To="Pixel" Matrix="{numbers}"/></CoordinateDefinitions></P>'
    )
    np.testing.assert_allclose(read_calibration(path), via @ MATRIX, atol=1e-12)
    with pytest.raises(InputError, match="no way from Image to Transducer, only Image, Pixel, Probe"):
        read_calibration(path, probe="Transducer")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (" ".join(ROWS.split()[:15]), "15 numbers"),
        (ROWS.replace("0.0046", "nan"), "not finite"),
        (ROWS.replace("0.0046", "-1.#IND"), "not finite"),
        ("0 " * 15 + "1", "singular"),
        ("1 0 0 0 2 0 0 0 0 0 1 0 0 0 0 1", "singular"),
        ("a few words", "not a calibration"),
        ("", "not a calibration"),
        ("<PlusConfiguration>", "not valid XML"),
        ("<PlusConfiguration/>", "no coordinate frames"),
        (CONFIGURATION.replace('To="Probe"', 'To="Other"'), "no way from Image to Probe, only Stylus"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>\n<a>&b;</a>', "not a PLUS configuration"),
        ("#Insight Transform File V1.0\n#Transform 0\n", "not a transform"),
    ],
)
def test_what_is_no_calibration_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "calibration.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence) as caught:
        read_calibration(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["nowhere.tfm", "1 2 3", "x" * 5000, ""])
def test_text_that_is_neither_a_file_nor_16_numbers(source: str) -> None:
    with pytest.raises(InputError):
        read_calibration(source)


def test_a_singular_transform_file_is_refused(tmp_path: Path) -> None:
    numbers = " ".join(["0"] * 12)
    text = (
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        f"Parameters: {numbers}\nFixedParameters: 0 0 0\n"
    )
    (tmp_path / "flat.tfm").write_text(text)
    with pytest.raises(InputError):
        read_calibration(tmp_path / "flat.tfm")
