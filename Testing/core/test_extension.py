"""What Slicer's build takes from this repository: files, self-tests, and what the Extensions Manager shows."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = [REPOSITORY / name for name in ("MMHVAESynthesis", "MMHVAERegistration")]
LISTS = REPOSITORY / "MMHVAESynthesis" / "Resources" / "Wheels"
ENTRY = REPOSITORY / "Resources" / "MMHVAE.json"
#: Keys and types of an entry of Slicer's ExtensionsIndex, in the schema that it validates with, which knows no others.
SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.1.json#"
)
REQUIRED = {"$schema": str, "category": str, "scm_url": str}
OPTIONAL = {
    "scm_revision": str, "scm_type": str, "build_dependencies": list, "build_subdirectory": str, "enabled": bool,
    "tier": int,
}  # fmt: skip
#: Of those that the Index accepts, what this extension could be.
CATEGORIES = {"Ultrasound", "Registration", "IGT", "Neuroimaging"}
ICONS = [
    REPOSITORY / "Resources" / "MMHVAE.png",
    *(folder / "Resources" / "Icons" / f"{folder.name}.png" for folder in MODULES),
]


def script(path: Path):
    """A script as a module, though it lies in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


set_repository = script(REPOSITORY / "Resources" / "set_repository.py")


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
    assert entry["tier"] in (1, 3, 5)
    assert ENTRY.read_text() == json.dumps(entry, indent=2) + "\n"  # as the Index formats it
    assert entry["category"] in CATEGORIES


def test_the_index_entry_and_cmake_tell_the_same(shown):
    entry = json.loads(ENTRY.read_text())
    assert shown["NAME"] == ENTRY.stem  # the index requires it
    assert shown["DEPENDS"].split() == entry["build_dependencies"]
    assert shown["HOMEPAGE"] == entry["scm_url"]
    assert "slicer" in entry["scm_url"].rsplit("/")[-1].lower()  # the index requires it


def test_the_index_finds_what_it_looks_for_in_the_text_of_cmake(shown):
    """It runs no CMake: it looks for these lines, and for an address in each."""
    text = (REPOSITORY / "CMakeLists.txt").read_text()
    assert re.findall(r"project\s*\(\s*([^\s\)]+)", text, re.IGNORECASE) == ["MMHVAE"]
    for name in ("HOMEPAGE", "ICONURL", "SCREENSHOTURLS"):
        (value,) = re.findall(rf'set\s*\(EXTENSION_{name}\s*"([^"]+)"\)', text)
        assert value == shown[name]
        assert all(address.startswith("https://") for address in value.split())
    assert "EXTENSION_CATEGORY" not in text  # the entry has it
    assert 100 < len(shown["DESCRIPTION"]) < 400


def test_pictures_of_the_extension_are_in_the_repository(shown):
    start = set_repository.raw(shown["HOMEPAGE"]) + "/"
    for address in [shown["ICONURL"], *shown["SCREENSHOTURLS"].split()]:
        assert address.startswith(start)
        assert (REPOSITORY / address.removeprefix(start)).is_file()


def test_the_address_is_the_same_everywhere_and_real_once_it_is_released():
    texts = {name: (REPOSITORY / name).read_text() for name in set_repository.FILES}
    address, released = (re.search(p, texts[set_repository.ABOUT])[1] for p in (r'TORY = "(.*)"', r"RELEASED = (\w+)"))
    assert {name: write(texts[name], address) for name, write in set_repository.FILES.items()} == texts
    assert released == str(set_repository.PLACEHOLDER not in address)


def test_a_release_leaves_no_placeholder():
    released = "https://github.com/somebody/SlicerMMHVAE"
    for name, write in set_repository.FILES.items():
        text = write((REPOSITORY / name).read_text(), released)
        assert set_repository.PLACEHOLDER not in text
        assert released in text
    in_cmake = set_repository.in_cmake((REPOSITORY / "CMakeLists.txt").read_text(), released)
    assert '"https://raw.githubusercontent.com/somebody/SlicerMMHVAE/main/Resources/MMHVAE.png"' in in_cmake
    with pytest.raises(SystemExit, match="such as"):
        set_repository.main(["http://github.com/somebody/MMHVAE"])


def test_what_the_pages_for_people_name_is_here():
    """Files between backticks, from the root or from a module; links."""
    places = [REPOSITORY, *MODULES, MODULES[0] / "Resources", REPOSITORY / "Training"]
    missing = []
    for page in (REPOSITORY / "RELEASE.md", REPOSITORY / "Resources" / "Troubleshooting.md", LISTS / "README.md"):
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"`(?:python )?([\w.-]*(?:/[\w.-]+)*\.(?:py|json|md|txt))[^`]*`", text)
        linked = re.findall(r"\]\(([^)#:]+)\)", text)
        missing += [name for name in named if not any((place / name).exists() for place in (*places, page.parent))]
        missing += [target for target in linked if not (page.parent / target).exists()]
    assert set(missing) <= {"desktop-report/report.md", "report.json"}  # of a run on the desktop


def test_contributors_are_the_same_in_slicer_and_in_the_extensions_manager(shown):
    text = (REPOSITORY / set_repository.ABOUT).read_text()
    (assigned,) = (n for n in ast.parse(text).body if isinstance(n, ast.Assign) and n.targets[0].id == "CONTRIBUTORS")
    assert ", ".join(ast.literal_eval(assigned.value)) == shown["CONTRIBUTORS"]


def test_icons_have_the_size_that_slicer_shows_and_transparent_corners():
    for path in ICONS:
        with Image.open(path) as icon:
            assert (icon.size, icon.mode) == ((128, 128), "RGBA")
            assert icon.getpixel((0, 0))[3] == 0
            assert icon.getpixel((64, 100))[3] == 255
