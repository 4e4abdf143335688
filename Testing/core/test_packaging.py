"""What an installed copy holds: every file of the core, its bundle and demo case, and a command that finds them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXTENSION = REPOSITORY / "MMHVAESynthesis"
LARGEST = 8 << 20  # bytes, of the starter bundle and of the demo case


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel that ``pip install .`` would install, built from a copy so that the checkout stays clean."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE", "MMHVAESynthesis"):
        (source / name).symlink_to(REPOSITORY / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*command, str(folder), str(source)], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts}


def test_the_wheel_holds_the_whole_core_and_its_resources(wheel):
    expected = {f"mmhvae/{name}" for name in files(EXTENSION / "mmhvae")}
    for folder in ("Bundles", "Samples"):  # the rest is Slicer's
        expected |= {f"mmhvae/resources/{folder}/{name}" for name in files(EXTENSION / "Resources" / folder)}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected


def test_an_installed_copy_finds_its_bundle(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = "import mmhvae.bundle.shipped as s; print(s.__file__); print(s.starter_bundle()); print(s.demo_case())"
    output = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, check=True,
        capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert all(Path(line).is_relative_to(tmp_path) for line in output)


@pytest.mark.parametrize("name", ["Bundles/starter", "Samples/demo"])
def test_resources_stay_small(name):
    folder = EXTENSION / "Resources" / name
    assert 0 < sum((folder / file).stat().st_size for file in files(folder)) <= LARGEST
