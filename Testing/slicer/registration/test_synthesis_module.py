"""The registration module finds the synthesis module's library, wherever Slicer was told to look."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
LIBRARY = REPOSITORY / "MMHVAERegistration" / "MMHVAERegistrationLib"


def load(*paths: Path) -> subprocess.CompletedProcess:
    """Import the library in a Python that knows these folders and the standard library alone."""
    program = (
        f"import sys; sys.path[:0] = {[str(path) for path in paths]!r};"
        "import MMHVAERegistrationLib, importlib.util as u;"
        "print(u.find_spec('MMHVAESynthesisLib').origin); print(u.find_spec('mmhvae').origin)"
    )
    return subprocess.run([sys.executable, "-E", "-S", "-c", program], capture_output=True, text=True, timeout=60)


def test_with_this_module_alone_in_the_paths_the_other_is_found_beside_it():
    found = load(REPOSITORY / "MMHVAERegistration")
    assert [Path(line).is_relative_to(REPOSITORY / "MMHVAESynthesis") for line in found.stdout.split()] == [True, True]


@pytest.mark.parametrize("is_there", [True, False], ids=["one folder, as installed", "nowhere"])
def test_installed_modules_share_a_folder_and_a_lack_is_a_sentence(tmp_path, is_there):
    folder = tmp_path / "lib" / "qt-scripted-modules"
    shutil.copytree(LIBRARY, folder / "MMHVAERegistrationLib", ignore=shutil.ignore_patterns("__pycache__"))
    if is_there:
        for name in ("MMHVAESynthesisLib", "mmhvae"):
            (folder / name).mkdir()
            (folder / name / "__init__.py").touch()
    found = load(folder)
    if is_there:
        assert found.stdout.split() == [str(folder / n / "__init__.py") for n in ("MMHVAESynthesisLib", "mmhvae")]
    else:
        assert "needs the module MMHVAE Synthesis" in found.stderr.splitlines()[-1]
        assert "add its folder" in found.stderr
