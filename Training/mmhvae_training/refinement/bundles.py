"""A bundle with the refinement that was trained behind its network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from mmhvae.bundle import Bundle
from mmhvae.exceptions import InputError
from mmhvae.network import Refinement, RefinementConfig

from ..loop import CHECKPOINT, RUN, read_checkpoint


def refined_bundle(bundle: Bundle, run: Path) -> Bundle:
    """``bundle`` with the averaged weights of a run of train_refinement.py.

    Its contrasts' strengths are left out: they were measured without, and ``studies/rate_bundle.py`` rates it anew.

    Raises:
        InputError: the folder holds no such run, or one behind other weights.
    """
    content = read_checkpoint(run / CHECKPOINT)
    if "refinement" not in content:
        raise InputError(f"{run} is no run of the refinement; give a folder that train_refinement.py wrote.")
    described = json.loads((run / RUN).read_text(encoding="utf-8"))
    if described["behind"]["weights_sha256"] != bundle.manifest.weights_sha256:
        name = described["behind"]["name"]
        raise InputError(f"The refinement of {run} belongs to other weights, those of {name}; give that bundle.")
    config = RefinementConfig(**content["refinement"])
    network = Refinement(len(bundle.network.config.modalities), config)
    network.load_state_dict(content["average"])
    training = {**bundle.manifest.training, "refinement": described | {"steps_done": content["step"]}}
    manifest = replace(bundle.manifest, training=training, refinement=config, strength={})
    return replace(bundle, manifest=manifest, refinement=network.eval())
