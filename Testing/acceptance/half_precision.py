"""How much outputs change when a bundle's weights are stored in half precision: on the golden and the demo case.

    python Testing/acceptance/half_precision.py [BUNDLE] [--output results.json]

They may change by less than 0.1 % of the range; otherwise the exit status is 1, and the weights stay float32.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from mmhvae.bundle import Bundle, demo_case, load_bundle, save_bundle, starter_bundle
from mmhvae.sweep import read_calibration, read_sweep, reconstruct
from mmhvae.synthesis import synthesize
from numpy.typing import NDArray

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
#: Share of the range by which no output may change.
LIMIT = 0.001
TARGETS = ("t2", "cet1", "flair")
#: Width of the network's outputs, which lie in [-1, 1]; volumes are harmonised to [0, 1].
NETWORK_RANGE, VOLUME_RANGE = 2.0, 1.0
Images = Mapping[str, NDArray[np.float32]]


def halved(bundle: Bundle) -> Bundle:
    """The bundle after it was stored in half precision, and loaded."""
    with tempfile.TemporaryDirectory() as folder:
        return load_bundle(save_bundle(bundle, Path(folder, "half"), half_precision=True))


def golden_outputs(bundle: Bundle) -> Images:
    """Of the golden inputs, all given at once and the ultrasound alone."""
    golden = np.load(GOLDEN / "golden.npz")
    inputs = {name: torch.from_numpy(golden[f"input/{name}"]) for name in ("us", *TARGETS)}
    found = {}
    for given, images in {"all": inputs, "us": {"us": inputs["us"]}}.items():
        with torch.no_grad():
            output = bundle.network(images, targets=list(TARGETS), temperature=0)
        found |= {f"{given}: {name}": image.numpy() for name, image in output.images.items()}
    return found


def demo_outputs(bundle: Bundle, ultrasound: sitk.Image) -> Images:
    """The synthetic MR of the demo's sweep, with its uncertainty, by the same random numbers."""
    result = synthesize(bundle, {"us": ultrasound}, TARGETS, samples=2, seed=0, device="cpu")
    images = {f"demo: {name}": image for name, image in result.images.items()}
    images |= {f"demo: {name}, uncertainty": image for name, image in result.uncertainty.items()}
    return {name: sitk.GetArrayFromImage(image) for name, image in images.items()}


@dataclass(frozen=True)
class Change:
    """Of one image, as shares of the range; ``most`` is that of 999 voxels in a thousand."""

    image: str
    largest: float
    most: float
    mean: float


def changes(before: Images, after: Images, width: float) -> Iterator[Change]:
    """One for each image."""
    for name, image in before.items():
        difference = np.abs(after[name].astype(np.float64) - image) / width
        most = float(np.percentile(difference, 99.9))
        yield Change(name, float(difference.max()), most, float(difference.mean()))


def measured(path: Path) -> list[Change]:
    """All changes: of the released checkpoint on the golden inputs, and of the bundle on the demo."""
    golden = load_bundle(GOLDEN / "CP_main_1000.pth")
    found = list(changes(golden_outputs(golden), golden_outputs(halved(golden)), NETWORK_RANGE))
    bundle = load_bundle(path)
    calibration = read_calibration(str(demo_case() / "image-to-probe.txt"))
    ultrasound = reconstruct(read_sweep(demo_case() / "sweep.igs.mha", calibration), fill_holes=True).volume
    return found + list(
        changes(demo_outputs(bundle, ultrasound), demo_outputs(halved(bundle), ultrasound), VOLUME_RANGE)
    )


def main() -> int:
    """Measure, tell, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", type=Path, default=starter_bundle())
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    found = measured(arguments.bundle)
    for change in found:
        largest, most, mean = (f"{100 * share:.4f} %" for share in (change.largest, change.most, change.mean))
        print(f"{change.image:30} largest {largest}   99.9 % of all {most}   mean {mean}")
    fits = all(change.largest < LIMIT for change in found)
    print("Half precision changes next to nothing." if fits else "Half precision changes too much: keep float32.")
    if arguments.output:
        arguments.output.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
