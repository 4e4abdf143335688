"""nnU-Net's chain on a toy data set, end to end, in an environment of its own, in which torchvision must not be.

python Testing/acceptance/nnunet_chain.py --work acceptance-output/nnunet --output Testing/acceptance/results

Made, trained, stopped and resumed, asked for outlines, judged, and handed on to nnU-Net's own users, by the commands
of segment.py; what is there already in ``--work`` stays. Two short epochs teach nothing that counts: it is the chain
that is tried. Writes ``nnunet-chain.md``. About 20 minutes on two cores, installation included.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Training"))

from mmhvae.files import write_text
from mmhvae.images import field_of_view, image_on, read_volume
from mmhvae.overlays import compare_outlines
from mmhvae_training.ultrasound_tumours import Origin, folds_by_head, write_case, write_description
from mmhvae_training.ultrasound_tumours.nnunet_engine import FINAL, LATEST, PACKAGES, PLANS, TRAINER

ROOT = Path(__file__).resolve().parents[2]
NAME = "Dataset901_Balls"
SHAPE, SPACING = (32, 40, 40), 1.0
TRAINED = f"{TRAINER}__{PLANS}__3d_fullres"


@dataclass
class Chain:
    """Where it works, and what it found: sentences for the report."""

    work: Path
    found: list[str] = field(default_factory=list)

    @property
    def python(self) -> Path:
        return self.work / "venv" / "bin" / "python"

    @property
    def model(self) -> Path:
        return self.work / "nnunet" / "results" / NAME / TRAINED

    def run(self, *command: object, **environment: str) -> str:
        """A command that must succeed; what it printed."""
        folders = [str(ROOT / name) for name in ("MMHVAESynthesis", "Training")]
        variables = os.environ | {"PYTHONPATH": os.pathsep.join(folders)} | environment
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, env=variables, cwd=ROOT, check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(str(part) for part in command)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def segment(self, *arguments: object) -> str:
        """One command of segment.py in the environment that has nnU-Net."""
        return self.run(self.python, ROOT / "Training" / "segment.py", *arguments)

    def say(self, sentence: str) -> None:
        """Keep a sentence for the report."""
        print(sentence, flush=True)
        self.found.append(sentence)


def install(chain: Chain) -> None:
    """An environment with the extra, and nnU-Net without what its networks do not need."""
    if not chain.python.exists():
        chain.run(sys.executable, "-m", "venv", chain.work / "venv")
        pip = [chain.python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt"]
        chain.run(*pip, "torch")
        chain.run(*pip, ".[training,nnunet]")
        chain.run(*pip[:4], "--quiet", "--no-deps", *PACKAGES)
    asked = "import importlib.util as u; print([n for n in ('torchvision', 'timm', 'nnunetv2') if u.find_spec(n)])"
    there = chain.run(chain.python, "-c", asked).strip()
    assert there == "['nnunetv2']", there
    versions = chain.run(chain.python, "-m", "pip", "list", "--format", "json")
    known = {row["name"].lower().replace("-", "_"): row["version"] for row in json.loads(versions)}
    names = ("nnunetv2", "dynamic_network_architectures", "torch", "batchgeneratorsv2")
    chain.say("Installed: " + ", ".join(f"{name} {known[name]}" for name in names) + "; neither torchvision nor timm.")


def write_balls(folder: Path) -> None:
    """Four heads, one sweep each: a field of view on an oblique grid, and a bright tumour in it."""
    direction, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))
    grid = sitk.Image(SHAPE[::-1], sitk.sitkUInt8)
    grid.SetSpacing([SPACING] * 3)
    grid.SetDirection(direction.ravel().tolist())
    places = np.moveaxis(np.indices(SHAPE), 0, -1)
    for number in range(4):
        rng = np.random.default_rng(number)
        seen = np.linalg.norm((places - np.array(SHAPE) / 2) / (1, 1.2, 1.2), axis=-1) < 15
        tumour = np.linalg.norm(places - np.array(SHAPE) / 2 - rng.uniform(-5, 5, 3), axis=-1) < 6
        image = np.where(seen, rng.uniform(40, 80, SHAPE) + 120 * tumour, 0).astype(np.float32)
        write_case(folder, f"case-{number}", image_on(image, grid), image_on((tumour & seen).astype(np.uint8), grid))
    origins = {f"case-{number}": Origin(f"head-{number}") for number in range(4)}
    folds = folds_by_head({case: origin.head for case, origin in origins.items()}, 2)
    write_description(folder, origins, folds, {"method": "balls"})


def train(chain: Chain, data: Path) -> None:
    """A fold of one epoch, which then looks as if it had been stopped, goes on to its second and last."""
    common = ["train", "--engine", "nnunet", "--data", data, "--fold", 0, "--output", chain.work / "nnunet"]
    fold, started, kept = chain.model / "fold_0", time.monotonic(), chain.work / "minutes.txt"
    if not (fold / "validation" / "summary.json").is_file():
        chain.segment(*common, "--epochs", 1, "--iterations", 2)
        os.rename(fold / FINAL, fold / LATEST)
        (fold / "validation" / "summary.json").unlink()
        chain.segment(*common, "--epochs", 2, "--iterations", 2)
        kept.write_text(f"{(time.monotonic() - started) / 60:.1f}", encoding="utf-8")
    chain.say(f"Planned, trained, stopped and resumed in {kept.read_text(encoding='utf-8')} minutes.")
    logs = "".join(path.read_text() for path in sorted(fold.glob("training_log_*.txt")))
    epochs = [line.rsplit("Epoch ", 1)[1].strip() for line in logs.splitlines() if ": Epoch " in line]
    epochs = [text for text in epochs if text.isdecimal()]
    assert epochs == ["0", "1"], epochs
    chain.say("The second call went on with the second epoch; a third one finds nothing to do.")
    before = (fold / FINAL).stat().st_mtime_ns
    chain.segment(*common, "--epochs", 2, "--iterations", 2)
    assert (fold / FINAL).stat().st_mtime_ns == before
    places = (data, chain.work / "nnunet" / "preprocessed" / NAME)
    ours, used = (json.loads((place / "splits_final.json").read_text()) for place in places)
    assert ours == used
    chain.say("nnU-Net's own check passes the data set, and it trains on our folds, which keep heads whole.")


def outline(chain: Chain, data: Path) -> None:
    """Outlines of the fold's two cases, and their scores."""
    asked = ["--source", data, "--fold", 0]
    outlines = chain.work / "outlines"
    chain.segment("predict", "--model", chain.model, *asked, "--output", outlines, "--flips", 1)
    chain.segment("evaluate", outlines, *asked, "--output", chain.work / "scores")
    rows = json.loads((chain.work / "scores" / "scores.json").read_text())
    assert len(rows) == 2
    chain.say("Outlined and scored: Dice " + ", ".join(f"{row['dice']:.2f}" for row in rows) + " after 4 iterations.")


EQUALITY = """
import sys
from pathlib import Path
import torch
from mmhvae_training.ultrasound_tumours.plain_weights import from_nnunet, nnunet_plan
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
model = Path(sys.argv[1])
plan, _, patch = nnunet_plan(model)
predictor = nnUNetPredictor(device=torch.device('cpu'))
predictor.initialize_from_trained_model_folder(str(model), (0,))
torch.manual_seed(0)
image = torch.randn(1, 1, *patch)
with torch.no_grad():
    apart = (from_nnunet(plan, model, 0)(image) - predictor.network.eval()(image)).abs().max()
print(float(apart))
"""


def convert(chain: Chain, data: Path) -> None:
    """nnU-Net's weights in the plain network of the core: its logits, its bundle, and its outlines."""
    apart = float(chain.run(chain.python, "-c", EQUALITY, chain.model).split()[-1])
    assert apart <= 1e-5, apart
    chain.say(f"The plain network with nnU-Net's weights differs from nnU-Net's by {apart:.1e} at most.")
    card, bundle, outlines = chain.work / "card.md", chain.work / "bundle", chain.work / "plain"
    card.write_text("# A toy\n", encoding="utf-8")
    if not bundle.exists():
        chain.segment("export", "--model", chain.model, "--bundle", bundle, "--card", card)
    asked = ["--source", data, "--fold", 0, "--output", outlines]
    chain.segment("predict", "--plain", "--model", chain.model, "--flips", 1, *asked)
    alike = []
    for path in sorted(outlines.glob("*.nii.gz")):
        own, theirs = (sitk.ReadImage(str(folder / path.name)) for folder in (outlines, chain.work / "outlines"))
        image = read_volume(data / "imagesTr" / path.name.replace(".nii.gz", "_0000.nii.gz"))
        dice = compare_outlines(own, theirs, field_of_view(image)).dice
        alike.append("neither outlines anything" if dice is None else f"{dice:.2f}")
    size = (bundle / "model.safetensors").stat().st_size / 2**20
    chain.say(f"Bundle of {size:.1f} MiB. Dice between its outlines and nnU-Net's, in view: {', '.join(alike)}.")


def hand_on(chain: Chain) -> None:
    """The zip, installed by nnU-Net's own command elsewhere, is the same model."""
    path, elsewhere = chain.work / "model.zip", chain.work / "elsewhere"
    path.unlink(missing_ok=True)
    elsewhere.mkdir(exist_ok=True)
    chain.segment("export", "--model", chain.model, "--zip", path)
    command = chain.python.parent / "nnUNetv2_install_pretrained_model_from_zip"
    chain.run(command, path, nnUNet_results=str(elsewhere))
    for name in ("plans.json", "dataset.json", f"fold_0/{FINAL}"):
        assert (elsewhere / NAME / TRAINED / name).read_bytes() == (chain.model / name).read_bytes(), name
    size = path.stat().st_size / 2**20
    chain.say(f"The zip ({size:.1f} MiB) is installed by nnU-Net's own command, file by file the same.")


def main() -> None:
    """Everything in turn, then the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for environment, data and models")
    parser.add_argument("--output", type=Path, required=True, help="folder for nnunet-chain.md")
    arguments = parser.parse_args()
    chain = Chain(arguments.work.resolve())
    chain.work.mkdir(parents=True, exist_ok=True)
    install(chain)
    data = chain.work / "raw" / NAME
    if not (data / "dataset.json").is_file():
        write_balls(data)
    train(chain, data)
    outline(chain, data)
    convert(chain, data)
    hand_on(chain)
    lines = ["# nnU-Net's chain on a toy data set", "", *(f"- {sentence}" for sentence in chain.found)]
    write_text("\n".join(lines) + "\n", arguments.output / "nnunet-chain.md")


if __name__ == "__main__":
    main()
