"""Write the lists of wheels in ``MMHVAESynthesis/Resources/Wheels``: what a closed network needs beside Slicer.

    .venv/bin/python -m pip install uv
    .venv/bin/python Testing/acceptance/list_wheels.py

uv resolves for another platform than this one, which pip cannot; versions are those of ``constraints.txt``. Nothing
large is fetched: names, sizes and checksums are the package index's own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "MMHVAESynthesis" / "Resources" / "Wheels"
#: What the engine imports beyond the standard library and what Slicer brings along (NumPy and SimpleITK).
WANTED = ("torch", "safetensors")
PYTHON = "3.12"  # Slicer 5.12's
#: Name of the list -> uv's name of the platform, and what people call it.
PLATFORMS = {
    "linux-x86_64": ("x86_64-manylinux_2_28", "Linux (x86_64)"),
    "windows-amd64": ("windows", "Windows (64 bit)"),
    "macos-arm64": ("aarch64-apple-darwin", "macOS (Apple silicon)"),
}
_PACKAGE = re.compile(r'\[\[packages\]\]\nname = "([^"]+)"\nversion = "([^"]+)"\n(.*?)(?=\n\[\[|\Z)', re.DOTALL)
_WHEEL = re.compile(r'/([^/"]+\.whl)".*?size = (\d+), hashes = \{ sha256 = "([0-9a-f]{64})"')


@dataclass(frozen=True)
class Wheel:
    """One file; ``size`` in bytes."""

    name: str
    version: str
    file: str
    size: int
    sha256: str

    @property
    def platforms(self) -> list[str]:
        """The platform tags in its name."""
        return self.file.removesuffix(".whl").split("-")[-1].split(".")


def wheels(platform: str) -> Iterator[Wheel]:
    """What has to be installed on ``platform``, one wheel a package."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, lock = Path(folder, "wanted.txt"), Path(folder, "pylock.toml")
        wanted.write_text("\n".join(WANTED))
        subprocess.run(
            [
                sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--only-binary", ":all:",
                "--python-platform", platform, "--python-version", PYTHON, "--format", "pylock.toml",
                "--constraint", REPOSITORY / "constraints.txt", "--output-file", lock, wanted,
            ],
            check=True,
            env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"},
        )  # fmt: skip
        text = lock.read_text()
    for name, version, rest in _PACKAGE.findall(text):
        found = _WHEEL.findall(rest)
        if len(found) != 1:
            raise SystemExit(f"{name} {version} has {len(found)} wheels for {platform}; look at it.")
        ((file, size, sha256),) = found
        yield Wheel(name, version, file, int(size), sha256)


def text_of(files: list[Wheel], list_name: str, people: str) -> str:
    """A requirements file of pip's that says everything."""
    tags = sorted({tag for wheel in files for tag in wheel.platforms} - {"any"})
    # Each tag by name: pip does not know that a platform accepts the wheels of older ones.
    platforms = " ".join(f"--platform {tag}" for tag in tags)
    total = sum(wheel.size for wheel in files) / 1e9
    lines = [
        f"# What the engine needs beside Slicer, for Python {PYTHON} on {people}: {len(files)} files, {total:.2f} GB.",
        "# Written by Testing/acceptance/list_wheels.py. To fetch them, on a computer that has a network:",
        f"# $ python -m pip download --no-deps --only-binary :all: --require-hashes --python-version {PYTHON} "
        f"{platforms} --dest wheels --requirement {list_name}.txt",
        "",
        *(f"{w.name}=={w.version} --hash=sha256:{w.sha256}  # {w.file} {w.size}" for w in files),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write all lists."""
    for name, (platform, people) in PLATFORMS.items():
        list_name = f"{name}-cp{PYTHON.replace('.', '')}"
        files = list(wheels(platform))
        (FOLDER / f"{list_name}.txt").write_text(text_of(files, list_name, people), encoding="utf-8", newline="\n")
        print(f"{list_name}: {len(files)} files, {sum(wheel.size for wheel in files) / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
