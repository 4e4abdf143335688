"""What Slicer's build takes from this repository: files, self-tests, and what the Extensions Manager shows."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = [REPOSITORY / name for name in ("MMHVAESynthesis", "MMHVAERegistration")]
ENTRY = REPOSITORY / "Resources" / "MMHVAE.json"
#: Keys and types of an entry of Slicer's ExtensionsIndex, schema 1.0.2, which knows no others.
SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.2.json#"
)
REQUIRED = {"$schema": str, "category": str, "scm_url": str}
OPTIONAL = {
    "scm_revision": str, "scm_type": str, "build_dependencies": list, "dicom_support_rule": str,
    "build_subdirectory": str, "enabled": bool, "tier": int,
}  # fmt: skip
ICONS = [
    REPOSITORY / "Resources" / "MMHVAE.png",
    *(folder / "Resources" / "Icons" / f"{folder.name}.png" for folder in MODULES),
]


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    """The extension, configured and installed by CMake with stand-ins for Slicer's macros."""
    cmake = shutil.which("cmake", path=Path(sys.executable).parent) or shutil.which("cmake")
    if cmake is None:
        pytest.skip("CMake is not installed; pip install cmake")
    folder = tmp_path_factory.mktemp("build")
    for command in (
        [cmake, "-S", str(REPOSITORY / "Testing" / "cmake"), "-B", str(folder)],
        [cmake, "--install", str(folder), "--prefix", str(folder / "installed")],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def installed(build) -> Path:
    """The folder that every module shares in a packaged extension."""
    return build / "installed" / "lib" / "qt-scripted-modules"


@pytest.fixture(scope="module")
def shown(build) -> dict[str, str]:
    """What CMakeLists.txt tells about the extension."""
    return dict(line.split("=", 1) for line in (build / "extension.txt").read_text().splitlines())


def files(folder: Path) -> set[str]:
    """Every file by its path within ``folder``, without what tools leave behind."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {p.as_posix() for p in paths if not any(part.startswith((".", "__pycache__")) for part in p.parts)}


def test_the_package_holds_every_file_of_the_modules(installed):
    assert files(installed) == set().union(*map(files, MODULES)) - {"CMakeLists.txt"}


def test_packaged_files_are_unchanged(installed):
    """So no file of one module took the place of another's, though they share a folder."""
    for folder in MODULES:
        names = files(folder) - {"CMakeLists.txt"}
        assert all((installed / name).read_bytes() == (folder / name).read_bytes() for name in names)


def test_no_two_files_share_a_name_where_capitals_do_not_count(installed):
    assert {name: n for name, n in Counter(name.casefold() for name in files(installed)).items() if n > 1} == {}


def test_the_packaged_core_finds_its_bundle_and_its_demo_case(installed):
    program = "import mmhvae.bundle.shipped as s; print(s.starter_bundle()); print(s.demo_case())"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=installed, env={"PYTHONPATH": str(installed)}, check=True,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert all(Path(line).is_relative_to(installed) for line in done.stdout.splitlines())


def test_every_module_has_its_self_test_run_by_the_build(shown, installed):
    modules = sorted(path.stem for path in installed.glob("*.py"))
    assert sorted(shown["SELF_TESTS"].split(";")) == modules


def test_the_index_entry_has_the_keys_of_its_schema():
    entry = json.loads(ENTRY.read_text())
    assert entry["$schema"] == SCHEMA
    assert entry.keys() >= REQUIRED.keys()
    assert {key: type(value) for key, value in entry.items()}.items() <= {**REQUIRED, **OPTIONAL}.items()
    assert all(isinstance(name, str) for name in entry["build_dependencies"])
    assert 1 <= entry["tier"] <= 5


def test_the_index_entry_and_cmake_tell_the_same(shown):
    entry = json.loads(ENTRY.read_text())
    assert shown["NAME"] == ENTRY.stem  # the index requires it
    assert shown["CATEGORY"] == entry["category"]
    assert shown["DEPENDS"].split() == entry["build_dependencies"]
    assert shown["HOMEPAGE"] == entry["scm_url"]
    assert "slicer" in entry["scm_url"].rsplit("/")[-1].lower()  # the index requires it


def test_pictures_of_the_extension_are_in_the_repository(shown):
    start = shown["HOMEPAGE"] + "/raw/main/"
    for address in [shown["ICONURL"], *shown["SCREENSHOTURLS"].split()]:
        assert address.startswith(start)
        assert (REPOSITORY / address.removeprefix(start)).is_file()


@pytest.mark.parametrize("path", ICONS, ids=lambda path: path.name)
def test_icons_have_the_size_that_slicer_shows_and_transparent_corners(path):
    with Image.open(path) as icon:
        assert (icon.size, icon.mode) == ((128, 128), "RGBA")
        assert icon.getpixel((0, 0))[3] == 0
        assert icon.getpixel((64, 100))[3] == 255
