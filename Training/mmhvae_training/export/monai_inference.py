"""Volumes through a MONAI bundle of MMHVAE: copied into it as scripts/inference.py. Needs ``pip install mmhvae``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmhvae import synthesize
from mmhvae.bundle import Bundle, Manifest
from mmhvae.images import read_volume, write_volumes


def run(network: Any, dataset_dir: str, output_dir: str, spacing: float, slice_axis: int) -> list[str]:
    """Synthesise every modality for every case; the files written.

    Args:
        network: FixedChannelMMHVAE with its weights.
        dataset_dir: one folder a case with ``us.nii.gz``, ``t2.nii.gz``, ...; a missing file is a missing modality.
        output_dir: receives ``CASE/TARGET.nii.gz``, harmonised to [0, 1], on the grid of the case's first image.
        spacing: in-plane, mm, that the network expects.
        slice_axis: index axis that the slices follow.
    """
    mmhvae = network.mmhvae.eval()
    manifest = Manifest("MONAI bundle", mmhvae.config, spacing, "", "Research only.", slice_axis=slice_axis)
    written = []
    for case in sorted(path for path in Path(dataset_dir).iterdir() if path.is_dir()):
        files = {name: case / f"{name}.nii.gz" for name in mmhvae.config.modalities}
        images = {name: read_volume(path, name) for name, path in files.items() if path.is_file()}
        if not images:
            continue
        device = str(next(mmhvae.parameters()).device.type)
        result = synthesize(
            Bundle(mmhvae, manifest, ""), images, mmhvae.config.modalities, network.temperature, 1, device=device
        )
        outputs = {Path(output_dir) / case.name / f"{name}.nii.gz": image for name, image in result.images.items()}
        write_volumes(outputs)
        written += [str(path) for path in outputs]
    return written
