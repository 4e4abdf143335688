"""Background training of the tumour segmenter (first version; the typed one follows)."""

from __future__ import annotations

import argparse
import copy
import json
import os
import time
from pathlib import Path

import torch
from mmhvae.segmentation import TumourUNet, UNetConfig
from mmhvae_training.segmentation.losses import segmentation_losses
from mmhvae_training.segmentation.patients import read_patient
from mmhvae_training.segmentation.scene import draw_scene
from mmhvae_training.segmentation.view import draw_view


def rate(step: int, steps: int, decay: int, peak: float) -> float:
    return peak * min(1.0, (step + 1) / 50, max(0.0, (steps - step) / decay))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--decay", type=int, required=True)
    parser.add_argument("--peak", type=float, default=1.2e-3)
    parser.add_argument("--crop", type=int, nargs=3, default=(96, 112, 96))
    parser.add_argument("--stop", type=int, default=10**9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    split = json.loads(arguments.split.read_text())
    config = UNetConfig()
    patients = [read_patient(arguments.data / name, config.modalities) for name in split["train"]]
    network = TumourUNet(config)
    averaged = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(network.parameters(), lr=arguments.peak, betas=(0.9, 0.99), weight_decay=1e-4)
    arguments.out.mkdir(parents=True, exist_ok=True)
    last = arguments.out / "last.pt"
    start = 0
    if last.exists():
        state = torch.load(last, weights_only=True)
        network.load_state_dict(state["network"])
        averaged.load_state_dict(state["averaged"])
        optimiser.load_state_dict(state["optimiser"])
        start = state["step"]
    log = (arguments.out / "log.jsonl").open("a")
    tick, sums = time.time(), {}
    for step in range(start, min(arguments.steps, arguments.stop)):
        generator = torch.Generator().manual_seed(1_000_003 + step)
        order = torch.randperm(len(patients), generator=torch.Generator().manual_seed(step // len(patients)))
        patient = patients[int(order[step % len(patients)])]
        view = draw_view(draw_scene(patient, tuple(arguments.crop), generator), tuple(arguments.crop), generator)
        drawn = time.time()
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(view.images, view.present)
        losses = segmentation_losses(logits, view.regions)
        for group in optimiser.param_groups:
            group["lr"] = rate(step, arguments.steps, arguments.decay, arguments.peak)
        optimiser.zero_grad()
        sum(losses.values()).backward()
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 3.0)
        if torch.isfinite(norm):
            optimiser.step()
        keep = min(0.998, (step + 1) / (step + 10))
        with torch.no_grad():
            for mean, new in zip(averaged.parameters(), network.parameters()):
                mean.lerp_(new, 1 - keep)
        for name, value in {**losses, "norm": norm}.items():
            sums[name] = sums.get(name, 0.0) + float(value)
        if (step + 1) % 20 == 0:
            means = {name: round(value / 20, 4) for name, value in sums.items()}
            record = {"step": step + 1, "seconds": round((time.time() - tick) / 20, 2), "lr": group["lr"], **means}
            log.write(json.dumps(record) + "\n")
            log.flush()
            tick, sums = time.time(), {}
        if (step + 1) % 100 == 0 or step + 1 in (arguments.steps, arguments.stop):
            state = {
                "network": network.state_dict(),
                "averaged": averaged.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step + 1,
            }
            torch.save(state, str(last) + ".new")
            os.replace(str(last) + ".new", last)
            if (step + 1) % 600 == 0:
                torch.save({"averaged": averaged.state_dict()}, arguments.out / f"averaged-{step + 1}.pt")


if __name__ == "__main__":
    main()
