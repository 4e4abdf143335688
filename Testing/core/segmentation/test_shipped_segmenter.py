"""The segmenter that ships: what its manifest says, that it finds the demo's tumour, and that it needs no MONAI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import mmhvae
import numpy as np
import SimpleITK as sitk
from mmhvae.bundle import demo_case, segmenter_bundle
from mmhvae.images import read_volume
from mmhvae.segmentation import load_segmenter, segment_tumour
from mmhvae.settings import SegmentationSettings

from .phantom import head, oblique_grid

#: The command line in a Python that has no MONAI: Slicer's has none, the one that trains has it.
WITHOUT_MONAI = """
import sys
sys.modules["monai"] = None
from mmhvae.cli import main
sys.exit(main())
"""


def test_it_names_no_folder_of_the_machine_that_trained_it_and_fits_its_card():
    bundle, text = load_segmenter(), (segmenter_bundle() / "bundle.json").read_text(encoding="utf-8")
    assert "No diagnosis" in bundle.manifest.intended_use
    training = bundle.manifest.training
    assert (training["started_from"]["steps_done"], training["steps_done"]) == (4500, 4200)
    assert not any(part.startswith("/") for part in json.dumps(json.loads(text)["training"]).split('"'))
    assert "Not approved for clinical use" in bundle.card
    assert (segmenter_bundle() / "model.safetensors").stat().st_size < 8 * 2**20


def test_it_finds_the_demos_tumour():
    images = {name: read_volume(demo_case() / f"preop-{name}.nii.gz") for name in ("cet1", "t2", "flair")}
    truth = sitk.GetArrayFromImage(sitk.ReadImage(str(demo_case() / "preop-tumour.nii.gz"))) > 0
    labels = segment_tumour(images, device="cpu", settings=SegmentationSettings(flips=1)).labels
    found = sitk.GetArrayFromImage(labels)
    whole = found > 0
    assert 2 * (whole & truth).sum() / (whole.sum() + truth.sum()) > 0.4
    centres = [np.argwhere(mask).mean(0) for mask in (truth, found > 2)]
    assert np.linalg.norm((centres[0] - centres[1]) * labels.GetSpacing()[::-1]) < 6


def test_it_outlines_without_monai(tmp_path):
    image, outline = tmp_path / "flair.nii.gz", tmp_path / "outline.seg.nrrd"
    sitk.WriteImage(head(oblique_grid(1)), str(image))
    arguments = ["segment", "--flair", image, "--output", outline, "--flips", "1", "--device", "cpu"]
    environment = os.environ | {"PYTHONPATH": str(Path(mmhvae.__file__).parents[1])}
    command = [sys.executable, "-c", WITHOUT_MONAI, *map(str, arguments)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert "from FLAIR" in ended.stdout
    assert sitk.ReadImage(str(outline)).GetSize() == head(oblique_grid(1)).GetSize()
