"""Every kind of command that writes files, with small inputs: what tests of full disks and signals run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from mmhvae.bundle import Bundle, Manifest, save_bundle
from mmhvae.images import open_image, read_transform
from mmhvae.network import MMHVAE, MMHVAEConfig
from mmhvae.sweep import ArrayFrames, Sweep, write_sweep


@dataclass(frozen=True)
class WritingCommand:
    """A command line without the folder that it writes to, and the files that it writes there.

    Attributes:
        arguments: of the command; OUT in them stands for the folder.
        files: names of what it writes.
    """

    arguments: tuple[str, ...]
    files: tuple[str, ...]

    def into(self, folder: Path) -> list[str]:
        """The arguments for results in ``folder``."""
        return [word.replace("OUT", str(folder), 1) for word in self.arguments]


def make_inputs(folder: Path) -> Mapping[str, WritingCommand]:
    """Write the inputs, and give the commands by what they write."""
    us, labels = _speckle(SIZE), _speckle(SIZE) > 120
    for name, image in {"us": us, "mr": _speckle(SIZE, 2), "labels": labels}.items():
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
    sitk.WriteTransform(sitk.Euler3DTransform(), str(folder / "id.tfm"))
    poses = np.tile(np.eye(4), (20, 1, 1))
    poses[:, 2, 3] = np.arange(20) / 2
    pixels = np.random.default_rng(1).integers(1, 250, (20, 40, 50)).astype(np.uint8)
    sweep = Sweep(ArrayFrames(pixels), poses, np.ones(20, bool), np.arange(20.0))
    write_sweep(folder / "sweep.igs.mha", sweep)
    torch.manual_seed(0)
    sizes = {"image_size": 16, "base_features": 4, "max_features": 8, "num_pools": 2, "decoder_features": 4}
    config = MMHVAEConfig(modalities=("us", "t2", "flair"), decoder_blocks=1, **sizes)
    save_bundle(
        Bundle(MMHVAE(config).eval(), Manifest("tiny", config, 1.0, "MIT", "tests"), "# Tiny\n"), folder / "tiny"
    )
    return commands_of(folder)


def commands_of(folder: Path) -> dict[str, WritingCommand]:
    """The commands by what they write, for inputs in ``folder``."""
    overlay = ["overlay", "--segmentation", folder / "labels.nii.gz", "--transform", folder / "id.tfm"]
    overlay += ["--reference", folder / "us.nii.gz"]
    made = {f"overlay to {suffix}": ([*overlay, "--output", f"OUT/o{suffix}"], [f"o{suffix}"]) for suffix in _SUFFIXES}
    frames = ["reconstruct", folder / "sweep.igs.mha", "--output", "OUT/us.nii.gz", "--field-of-view", "OUT/fov.mha"]
    made["reconstruct"] = (frames, ["us.nii.gz", "fov.mha"])
    images = ["synthesize", "--bundle", folder / "tiny", "--us", folder / "us.nii.gz", "--targets", "t2", "flair"]
    images += ["--samples", 2, "--device", "cpu", "--output", "OUT"]
    names = [f"{name}{kind}.nii.gz" for name in ("t2", "flair") for kind in ("", "-uncertainty")]
    made["synthesize"] = (images, names)
    pair = ["register", "--fixed", folder / "us.nii.gz", "--moving", folder / "mr.nii.gz", "--device", "cpu"]
    pair += ["--output", "OUT/T.tfm", "--resampled", "OUT/moved.nii"]
    made["register"] = (pair, ["T.tfm", "moved.nii"])
    return {kind: WritingCommand(tuple(map(str, words)), tuple(files)) for kind, (words, files) in made.items()}


#: Small enough for all results of a command on a disk of 200 kB.
SIZE = (18, 20, 22)
_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")


def _speckle(size: tuple[int, int, int], seed: int = 0) -> sitk.Image:
    noise = np.random.default_rng(seed).normal(0, 1, size[::-1]).astype(np.float32)
    smooth = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(noise), 1.5)
    image = sitk.Cast(sitk.RescaleIntensity(smooth, 1, 250), sitk.sitkUInt8)
    image[:, :, :3] = 0  # there is background
    return image


def faults_in(folder: Path, command: WritingCommand, earlier: Mapping[str, bytes]) -> list[str]:
    """What is wrong in a folder where the command was ended or failed: lost and half files, and what was left.

    Args:
        folder: of the results.
        command: that wrote there.
        earlier: the files as they were before, by name.
    """
    found = sorted(os.listdir(folder))
    faults = [f"{name} stays behind" for name in found if name not in command.files]
    for name in command.files:
        path = folder / name
        if not path.exists():
            faults += [f"{name} is lost"] if name in earlier else []
        elif path.read_bytes() != earlier.get(name):
            try:
                read_transform(path) if path.suffix == ".tfm" else open_image(path)
            except Exception as error:
                faults.append(f"{name} is half: {error}")
    return faults
