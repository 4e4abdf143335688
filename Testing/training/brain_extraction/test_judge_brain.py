"""What is said of a brain extractor: shares of brain and tumour kept, and what else."""

from __future__ import annotations

import sys

from mmhvae_training.script import status_of

import judge_brain
import numpy as np
import SimpleITK as sitk

from ...core.segmentation.bright_network import save_bright_extractor


def test_shares_are_of_the_brain_and_of_the_tumour_and_the_rest_is_beside_them():
    brain = np.zeros((4, 4, 4), bool)
    brain[:2] = True
    tumour, mask = brain.copy(), np.zeros_like(brain)
    tumour[1:] = False
    mask[1:3] = True
    assert judge_brain.judged(mask, brain, tumour, 0.5) == (0.5, 0.0, 8.0)
    assert judge_brain.judged(mask, brain, None, 0.5) == (0.5, None, 8.0)
    assert judge_brain.judged(None, brain, tumour, 0.5) == (None, None, 0.0)


def test_the_table_has_every_contrast_and_a_real_head(brats, tmp_path, monkeypatch, capsys):
    extractor = save_bright_extractor(tmp_path / "bright")
    index = np.stack(np.meshgrid(*[np.arange(72)] * 3, indexing="ij"), -1)
    away = np.linalg.norm(index - 36, axis=-1)
    for name, array in (("head", 30 * (away < 35) + 70 * (away < 26)), ("brain", away < 26)):
        sitk.WriteImage(sitk.GetImageFromArray(array.astype(np.uint8)), str(tmp_path / f"{name}.nii.gz"))
    given = ["--extractor", extractor, "--data", brats, "--split", brats / "split.json", "--output", tmp_path / "out"]
    real = ["--head", tmp_path / "head.nii.gz", "--brain", tmp_path / "brain.nii.gz"]
    monkeypatch.setattr(sys, "argv", ["judge_brain.py", *map(str, [*given, *real])])
    assert status_of(judge_brain.main) == 0
    rows = (tmp_path / "out" / "brain.md").read_text().splitlines()[2:]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    assert [row[0] for row in cells] == ["t1", "cet1", "t2", "flair", "all"] * 2 + ["T1"]
    assert all(row[5] == "1 of 1" for row in cells[:5])  # stripped
    assert (cells[-1][1], cells[-1][5]) == ("head.nii.gz", "0 of 1")
    assert float(cells[-1][2].split()[0]) > 99
    assert float(cells[-1][4]) < 20
    monkeypatch.setattr(sys, "argv", ["judge_brain.py", *map(str, [*given, *real[:2]])])
    capsys.readouterr()
    assert status_of(judge_brain.main) == 2
    assert "Give --head and --brain together" in capsys.readouterr().err
