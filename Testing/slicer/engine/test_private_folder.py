"""Folders of dead owners are swept, and no others."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from MMHVAESynthesisLib.engine.private_folder import create_private_folder, sweep_abandoned_folders

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are looked at and stopped the POSIX way")


def test_only_folders_of_dead_owners_are_swept(tmp_path):
    mine = create_private_folder(tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    prefix = mine.name.rsplit("-", 2)[0]
    names = {
        f"{prefix}-{dead.pid}-abcd": False,
        f"{prefix}-{os.getppid()}-abcd": True,
        f"mmhvae-engine-otherhost-{dead.pid}-abcd": True,
        f"{prefix}-x-abcd": True,
        f"something-{dead.pid}-abcd": True,
        mine.name: True,
    }
    for name in names:
        (tmp_path / name / "1").mkdir(parents=True, exist_ok=True)
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / f"{prefix}-{dead.pid}-link").symlink_to(target)
    sweep_abandoned_folders(tmp_path)
    assert {name: (tmp_path / name).is_dir() for name in names} == names
    assert target.is_dir()
