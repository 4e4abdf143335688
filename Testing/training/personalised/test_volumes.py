"""Volumes on the network's grid, crops of them, and patients on disk that cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

pytest.importorskip("monai", reason="needs the extra 'training'")

from mmhvae import InputError
from mmhvae_training.personalised.configuration import PersonalisedConfig
from mmhvae_training.personalised.reading import read_volume, read_volumes
from mmhvae_training.personalised.run_configuration import VolumesConfig
from mmhvae_training.personalised.volumes import draw_sub_volumes, patient_volume, within_foreground

CROP = (32, 32, 32)


def architecture(classes: int | None = 4, modalities=("t1", "flair")) -> PersonalisedConfig:
    return PersonalisedConfig(modalities, classes, CROP, feature_size=12, norm="group")


def test_volumes_are_z_scored_and_padded(patients):
    volume = read_volume(patients / "a", architecture(), 2)
    assert volume.images.shape == (2, 32, 32, 32)  # 34 voxels are 17 of 2 mm, padded
    inside = volume.images[:, :17, :17, :17]
    torch.testing.assert_close(inside.mean((1, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(inside.std((1, 2, 3)), torch.ones(2), atol=1e-4, rtol=0)
    assert volume.labels.unique().tolist() == [0, 1, 2, 3]
    assert not volume.foreground[:, 17:].any()


def test_crops_are_at_one_place_in_all_parts(patients):
    fine = read_volume(patients / "a", architecture(2), 1)
    assert fine.labels.unique().tolist() == [0, 1]  # of a network with two classes: lesion or none
    for seed in range(3):
        batch = draw_sub_volumes([fine], CROP, 2, 0.5, 0.5, np.random.default_rng(seed))
        lesion = batch.labels > 0
        assert batch.images[:, 0][lesion].min() > batch.images[:, 0][~lesion].max() - 1e-5
        assert (batch.images[:, 0][~batch.foreground[:, 0]] < 0).all()


@pytest.mark.parametrize(("low", "high", "expected"), [(3, 40, (3, 40)), (2, 9, (2, 34)), (50, 58, (28, 60))])
def test_the_box_around_the_patient_holds_a_crop_and_all_of_the_patient(low, high, expected):
    foreground = torch.zeros(60, 40, 40, dtype=torch.bool)
    foreground[low:high] = True
    volume = patient_volume("a", torch.rand(1, 60, 40, 40), foreground, foreground.long(), 1, CROP)
    box = within_foreground(volume, CROP)
    start, end = expected
    assert torch.equal(box.images, volume.images[:, start:end])
    assert int(box.labels.sum()) == int(foreground.sum())


def test_a_mask_is_the_foreground_where_there_is_one(write_patient, tmp_path):
    folder = write_patient(tmp_path / "p", 0)
    inside = np.zeros((34, 34, 34), np.uint8)
    inside[5:20] = 1
    sitk.WriteImage(sitk.GetImageFromArray(inside), str(folder / "p_mask.nii.gz"))
    assert torch.equal(read_volume(folder, architecture(), 1).foreground[0], torch.from_numpy(inside > 0))


def test_names_of_2023_and_patients_without_labels_are_read(write_patient, tmp_path):
    folder = write_patient(tmp_path / "p", 0, modalities=("t1", "flair"), labelled=False)
    before = read_volume(folder, architecture(None), 1)
    (folder / "p_t1.nii.gz").rename(folder / "p-t1n.nii.gz")
    (folder / "p_flair.nii.gz").rename(folder / "p-t2f.nii.gz")
    assert torch.equal(read_volume(folder, architecture(None), 1).images, before.images)
    assert before.labels is None
    batch = draw_sub_volumes([before], CROP, 2, 0.5, 0.5, np.random.default_rng(0))
    assert batch.labels is None


def moved(folder: Path) -> None:
    path = str(folder / "p_flair.nii.gz")
    image = sitk.ReadImage(path)
    image.SetOrigin((0, 0, 3))
    sitk.WriteImage(image, path)


def stretched(folder: Path) -> None:
    for path in folder.iterdir():
        image = sitk.ReadImage(str(path))
        image.SetSpacing((1.5, 1.5, 1.5))
        sitk.WriteImage(image, str(path))


def relabelled(folder: Path) -> None:
    path = str(folder / "p_seg.nii.gz")
    sitk.WriteImage(sitk.ReadImage(path) + 4, path)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (moved, "on another grid"),
        (stretched, "blocks of 2 mm cannot be made"),
        (relabelled, "labels should be those of BraTS"),
        (lambda folder: (folder / "p_flair.nii.gz").unlink(), "check the path of the flair"),
        (lambda folder: (folder / "p_seg.nii.gz").unlink(), "check the path of the labels"),
    ],
)
def test_patients_that_cannot_be_used_are_named_with_the_reason(write_patient, tmp_path, spoil, words):
    folder = write_patient(tmp_path / "p", 0)
    spoil(folder)
    with pytest.raises(InputError, match=words):
        read_volume(folder, architecture(), 2)


def test_tumours_are_in_every_patient_of_brats_and_lesions_in_one_of_all(write_patient, tmp_path):
    write_patient(tmp_path / "p", 0, tumour=False)
    (tmp_path / "split.json").write_text('{"train": ["p"]}')
    data = VolumesConfig(tmp_path, tmp_path / "split.json")
    with pytest.raises(InputError, match="no tumour in the labels"):
        read_volumes(data, architecture(4))
    with pytest.raises(InputError, match="has a lesion"):
        read_volumes(data, architecture(2))
    assert len(read_volumes(data, architecture(None))) == 1
