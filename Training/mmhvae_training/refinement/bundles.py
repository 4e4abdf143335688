"""A bundle with the refinement that was trained behind its network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mmhvae.bundle import Bundle
from mmhvae.exceptions import InputError
from mmhvae.network import Refinement, RefinementConfig

from ..loop import CHECKPOINT, RUN, read_checkpoint, read_run


def refined_bundle(bundle: Bundle, run: Path) -> Bundle:
    """``bundle`` with the averaged weights of a run of train_refinement.py.

    Its contrasts' strengths are left out: they were measured without, and ``studies/rate_bundle.py`` rates it anew.

    Raises:
        InputError: the folder holds no such run, a damaged one, or one behind other weights.
    """
    content = read_checkpoint(run / CHECKPOINT, "average", "step")
    if "refinement" not in content:
        raise InputError(f"{run} is no run of the refinement; give a folder that train_refinement.py wrote.")
    described = read_run(run)
    behind = described.get("behind")
    if not isinstance(behind, dict) or not {"weights_sha256", "name"} <= behind.keys():
        raise InputError(f"{run / RUN} does not say whose weights were refined; restore it, or train again.")
    if behind["weights_sha256"] != bundle.manifest.weights_sha256:
        raise InputError(
            f"The refinement of {run} belongs to other weights, those of {behind['name']}; give that bundle."
        )
    try:
        config = RefinementConfig(**content["refinement"])
        network = Refinement(len(bundle.network.config.modalities), config)
        network.load_state_dict(content["average"])
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{run} holds another refinement than this version's; train it again.") from error
    training = {**bundle.manifest.training, "refinement": described | {"steps_done": content["step"]}}
    manifest = replace(bundle.manifest, training=training, refinement=config, strength={})
    return replace(bundle, manifest=manifest, refinement=network.eval())
