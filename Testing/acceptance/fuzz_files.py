"""Mutate headers byte by byte and field by field, and read the files: in, or refused in a sentence, and nothing else.

python Testing/acceptance/fuzz_files.py --minutes 10 --output Testing/acceptance/results

Every case runs in a child of its own. A crash, a traceback (any exception but InputError), over ten seconds or over
2 GiB is a failure; its file is kept beside the table ``fuzz-files.md``. Needs fork, and so Linux or macOS.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
import resource
import signal
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

MOST_SECONDS, PATIENCE, MOST_BYTES = 10, 60.0, 2 << 30  # of the processor, by the clock, of memory
READ, REFUSED, DEFECT, HANG, MEMORY = 0, 10, 11, 12, 13
#: What a number in a text header becomes.
NUMBERS = (
    b"0", b"-1", b"1", b"2", b"3", b"4", b"7", b"100", b"1000", b"1e-30", b"1e30", b"1e400", b"nan", b"inf", b"-inf",
    b"2147483647", b"2147483648", b"-2147483649", b"4294967296", b"9223372036854775807", b"18446744073709551616",
    b"999999999999999999999999999999", b"0.5", b"1,5", b"", b"0x10", b"\xe9", b"LOCAL", b"1 1 1 1 1 1 1 1 1 1",
)  # fmt: skip
#: Fields of a NIfTI-1 header: where, and of which type.
NIFTI = [(40 + 2 * n, "h") for n in range(8)] + [(76 + 4 * n, "f") for n in range(8)]
NIFTI += [
    (0, "i"),
    (68, "h"),
    (70, "h"),
    (72, "h"),
    (108, "f"),
    (112, "f"),
    (116, "f"),
    (123, "B"),
    (252, "h"),
    (254, "h"),
]
NIFTI += [(256 + 4 * n, "f") for n in range(18)] + [(344, "I")]
WHOLE = (0, 1, -1, 2, 3, 4, 5, 8, 16, 64, 127, 128, 255, 256, 512, 1024, 2048, 32767, -32768, 2**31 - 1, -(2**31))
REAL = (0.0, -0.0, 1.0, -1.0, 1e-30, 1e30, float("nan"), float("inf"), float("-inf"), 0.5, 352.0, 1e9, -352.0, 3.4e38)


def seeds(folder: Path) -> None:
    """One sound file of each kind, made in a process of its own: ITK's threads do not outlive a fork."""
    if os.fork():
        if os.wait()[1]:
            raise SystemExit("The seeds could not be made.")
        return
    import numpy as np
    import SimpleITK as sitk
    from mmhvae.sweep import ArrayFrames, Sweep, write_sweep

    rng = np.random.default_rng(0)
    grey = sitk.GetImageFromArray(rng.integers(0, 250, (8, 9, 10)).astype(np.int16))
    grey.SetSpacing([0.5, 0.6, 0.7])
    grey.SetOrigin([3.0, -4.0, 5.0])
    labels = sitk.Cast(grey > 100, sitk.sitkUInt8)
    for name in ("grey.nii", "grey.nii.gz", "grey.nrrd", "grey.mha", "grey.hdr", "grey.h5"):
        sitk.WriteImage(grey, str(folder / name), name.endswith(".gz"))
    sitk.WriteImage(labels, str(folder / "labels.nii"))
    labels.SetMetaData("Segment0_Name", "tumour")
    labels.SetMetaData("Segment0_LabelValue", "1")
    sitk.WriteImage(sitk.Compose(labels, labels), str(folder / "labels.seg.nrrd"))
    poses = np.tile(np.eye(4), (5, 1, 1))
    poses[:, 2, 3] = np.arange(5) / 2
    frames = ArrayFrames(rng.integers(1, 250, (5, 12, 14)).astype(np.uint8))
    for name in ("sweep.igs.mha", "sweep.igs.nrrd"):
        write_sweep(folder / name, Sweep(frames, poses, np.ones(5, bool), np.arange(5.0)), compress=False)
    euler = sitk.Euler3DTransform((1.0, 2.0, 3.0), 0.1, 0.2, 0.3, (4.0, 5.0, 6.0))
    sitk.WriteTransform(euler, str(folder / "euler.tfm"))
    sitk.WriteTransform(sitk.CompositeTransform([euler, sitk.AffineTransform(3)]), str(folder / "composite.tfm"))
    sitk.WriteTransform(euler, str(folder / "euler.h5"))
    (folder / "pairs.tag").write_text(
        'MNI Tag Point File\nVolumes = 2;\n% no\nPoints =\n 1 2 3 4 5 6 ""\n 1 2 3 4 5 7 "b";\n'
    )
    points = [{"label": f"F-{n}", "position": [n, 2.5, -3], "positionStatus": "defined"} for n in range(4)]
    markups = {"type": "Fiducial", "coordinateSystem": "LPS", "coordinateUnits": "mm", "controlPoints": points}
    (folder / "points.mrk.json").write_text(json.dumps({"markups": [markups]}, indent=1))
    os._exit(0)


def readers(name: str) -> list[Callable[[Path], object]]:
    """Every way in which a file of this kind is read."""
    from mmhvae.images import read_grid, read_transform, read_volume
    from mmhvae.overlays import read_segmentation
    from mmhvae.registration import read_landmarks
    from mmhvae.sweep import read_calibration, read_sweep

    if name.startswith("sweep"):
        return [lambda path: list(read_sweep(path).frames)]
    if name.endswith((".tfm", "euler.h5")):
        return [read_transform, read_calibration]
    if name.endswith(".tag"):
        return [lambda path: read_landmarks([path])]
    if name.endswith(".json"):
        return [lambda path: read_landmarks([path, path])]
    return [read_volume, read_grid, read_segmentation]


def mutated(content: bytes, name: str, rng: random.Random) -> bytes:
    """The file with one to three changes, most of them in its header."""
    packed = name.endswith(".gz") and rng.random() < 0.8
    data = bytearray(gzip.decompress(content) if packed else content)
    for _ in range(rng.randint(1, 3)):
        if name.endswith((".nii", ".nii.gz", ".hdr")) and len(data) >= 352 and rng.random() < 0.7:
            place, kind = rng.choice(NIFTI)
            _put(data, place, kind, rng)
        elif rng.random() < 0.6 and not name.endswith((".nii", ".nii.gz", ".h5", ".hdr")):
            data = _text_changed(data, rng)
        else:
            data = _bytes_changed(data, rng)
    return gzip.compress(bytes(data)) if packed else bytes(data)


def _put(data: bytearray, place: int, kind: str, rng: random.Random) -> None:
    if kind == "f":
        struct.pack_into("<f", data, place, rng.choice(REAL))
    else:
        size = struct.calcsize(kind)
        data[place : place + size] = (rng.choice(WHOLE) & (1 << 8 * size) - 1).to_bytes(size, "little")


def _text_changed(data: bytearray, rng: random.Random) -> bytearray:
    head, rest = bytes(data[:3000]), bytes(data[3000:])
    lines = head.split(b"\n")
    row = rng.randrange(len(lines))
    what = rng.randrange(5)
    if what == 0:
        del lines[row]
    elif what == 1:
        lines.insert(rng.randrange(len(lines)), lines[row])
    elif what == 2:
        lines[row] = lines[row][: rng.randrange(len(lines[row]) + 1)]
    else:
        found = list(re.finditer(rb"[-+]?[0-9][0-9.e+-]*", head))
        if found:
            spot = rng.choice(found)
            return bytearray(head[: spot.start()] + rng.choice(NUMBERS) + head[spot.end() :] + rest)
    return bytearray(b"\n".join(lines) + rest)


def _bytes_changed(data: bytearray, rng: random.Random) -> bytearray:
    if not data:
        return data
    end = len(data) if rng.random() < 0.3 else min(len(data), 600)
    place, what = rng.randrange(end), rng.randrange(5)
    if what == 0:
        data[place] ^= 1 << rng.randrange(8)
    elif what == 1:
        data[place] = rng.randrange(256)
    elif what == 2:
        del data[place : place + rng.randint(1, 40)]
    elif what == 3:
        data[place:place] = rng.randbytes(rng.randint(1, 40))
    else:
        del data[place:]
    return data


def outcome(path: Path, name: str) -> tuple[int, str]:
    """How a child that reads ``path`` ends, and its last words."""
    ear, mouth = os.pipe()
    child = os.fork()
    if not child:
        os.close(ear)
        os.dup2(mouth, 2)
        _child(path, name)
    os.close(mouth)
    started, state = time.monotonic(), 0
    while time.monotonic() - started < PATIENCE:
        done, state = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.002)
    else:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ear)
        return HANG, f"over {PATIENCE:.0f} s"
    words = os.read(ear, 4096).decode("utf-8", "replace")
    os.close(ear)
    status = os.waitstatus_to_exitcode(state)
    return (HANG, f"over {MOST_SECONDS} s of work") if status == -signal.SIGXCPU else (status, words)


def _child(path: Path, name: str) -> None:
    from mmhvae import InputError

    warnings.simplefilter("ignore")
    own = (
        int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if sys.platform == "linux" else 0
    )
    used = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
    resource.setrlimit(resource.RLIMIT_CPU, (used + MOST_SECONDS, used + 2 * MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (own + MOST_BYTES,) * 2)
    status = REFUSED
    for read in readers(name):
        try:
            read(path)
            status = READ
        except InputError as error:
            if "\n" in str(error):
                os.write(2, f"several lines: {error}".encode())
                os._exit(DEFECT)
        except MemoryError:
            os._exit(MEMORY)
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:2000])
            os._exit(DEFECT)
    os._exit(status)


def fuzz(seconds: float, seed: int, kept: Path, only: Sequence[str] = ()) -> tuple[dict[str, Counter[str]], list[str]]:
    """Counts by kind of file, and a line for each failure; the files of those lie in ``kept``."""
    words = {READ: "read", REFUSED: "refused", DEFECT: "traceback", HANG: "hang", MEMORY: "memory"}
    counts: dict[str, Counter[str]] = {}
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        seeds(Path(folder))
        sound = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir()) if path.suffix != ".img"}
        sound = {name: content for name, content in sound.items() if not only or name in only}
        for name in sound:  # imports what reads it, once, before the children
            readers(name)
        import SimpleITK  # noqa: F401

        end, number = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            name = list(sound)[number % len(sound)]
            rng = random.Random(f"{seed}-{number}")
            content = mutated(sound[name], name, rng)
            path = Path(folder) / f"case-{name}"
            path.write_bytes(content)
            if name.endswith(".hdr"):
                path.with_suffix(".img").write_bytes((Path(folder) / "grey.img").read_bytes())
            status, said = outcome(path, name)
            word = words.get(status, "crash")
            counts.setdefault(name, Counter())[word] += 1
            if word not in ("read", "refused"):
                failures.append(f"{name} {seed}-{number}: {word} ({status}) {' '.join(said.split())[:200]}")
                kept.mkdir(parents=True, exist_ok=True)
                (kept / f"{number}-{name}").write_bytes(content)
            number += 1
    return counts, failures


def table(counts: dict[str, Counter[str]], failures: list[str], seed: int) -> str:
    columns = ("read", "refused", "traceback", "crash", "hang", "memory")
    lines = ["# Fuzzing of the files that are read", "", f"Seed {seed}; ten seconds and 2 GiB a case.", ""]
    lines += ["| file | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(str(count[c]) for c in columns) + " |" for name, count in counts.items()]
    total = sum(sum(count.values()) for count in counts.values())
    lines += ["", f"{total} cases, {len(failures)} failures.", ""]
    return "\n".join(lines + [f"- {failure}" for failure in failures] + ([""] if failures else []))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", default=(), help="names of files, as in the table; by default all")
    parser.add_argument("--output", type=Path, default=Path("acceptance-output"))
    options = parser.parse_args()
    counts, failures = fuzz(60 * options.minutes, options.seed, options.output / "fuzz-failures", options.only)
    text = table(counts, failures, options.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "fuzz-files.md").write_text(text, encoding="utf-8")
    print(text)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
