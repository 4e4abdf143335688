"""`mmhvae synthesize`: images on the input's exact grid; what is drawn is decided by the seed."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.images.volumes import same_grid

from .calls import SIZE, STORED, files, speckled, synthesis


@pytest.mark.parametrize("seed", range(3))
def test_synthesis_lies_on_the_input_grid(run, bundle, tmp_path, oblique, seed):
    us, output = tmp_path / "us.nii.gz", tmp_path / "new" / "out"
    sitk.WriteImage(speckled(oblique(seed, SIZE)), str(us))
    status, text, errors = run(*synthesis(bundle, us, output, "--samples", 2, targets=("t2", "flair")))
    assert (status, errors) == (0, "")
    assert "Not approved for clinical use" in text
    assert "100% of the ultrasound is above 0" in text
    names = ["flair-uncertainty.nii.gz", "flair.nii.gz", "t2-uncertainty.nii.gz", "t2.nii.gz"]
    assert files(output) == names
    for name in names:
        image = sitk.ReadImage(str(output / name))
        assert same_grid(image, sitk.ReadImage(str(us)), (1e-5, 1e-5))
        assert same_grid(image, oblique(seed, SIZE), STORED)
        assert np.isfinite(sitk.GetArrayFromImage(image)).all()


def test_one_sample_writes_no_uncertainty(run, bundle, us, tmp_path):
    assert run(*synthesis(bundle, us, tmp_path / "out", "--samples", 1))[0] == 0
    assert files(tmp_path / "out") == ["t2.nii.gz"]


def test_mr_inputs_and_a_reference(run, bundle, us, tmp_path, oblique):
    moved, t2 = oblique(1, SIZE), tmp_path / "t2.mha"
    moved.SetOrigin([x + 2 for x in moved.GetOrigin()])
    sitk.WriteImage(speckled(moved, 5), str(t2))
    alone = ["synthesize", "--bundle", bundle, "--t2", t2, "--targets", "flair", "--temperature", 0]
    assert run(*alone, "--output", tmp_path / "mr")[0] == 0
    assert same_grid(sitk.ReadImage(str(tmp_path / "mr" / "flair.nii.gz")), moved, STORED)
    more = ["--t2", t2, "--reference", t2, "--temperature", 0]
    assert run(*synthesis(bundle, us, tmp_path / "both", *more, targets=("flair",)))[0] == 0
    assert same_grid(sitk.ReadImage(str(tmp_path / "both" / "flair.nii.gz")), moved, STORED)


def test_the_seed_decides(run, bundle, us, tmp_path):
    def voxels(name: str, seed: int) -> np.ndarray:
        assert run(*synthesis(bundle, us, tmp_path / name, "--seed", seed, "--samples", 1))[0] == 0
        return sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / name / "t2.nii.gz")))

    first = voxels("a", 3)
    np.testing.assert_allclose(voxels("b", 3), first, atol=1e-5)
    assert np.abs(voxels("c", 4) - first).max() > 1e-3
