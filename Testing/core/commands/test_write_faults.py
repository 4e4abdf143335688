"""Disks that are full at any byte, limits and signals, through real commands: no lost file, no half one, no rest."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from mmhvae.cli import main

from ...acceptance.writing_commands import WritingCommand, faults_in, make_inputs
from .calls import CORE, require_one_sentence

KINDS = ("overlay to .nii.gz", "overlay to .nii", "overlay to .nrrd", "overlay to .mha", "reconstruct", "synthesize")


@pytest.fixture(scope="module")
def commands(tmp_path_factory) -> dict[str, WritingCommand]:
    return dict(make_inputs(tmp_path_factory.mktemp("inputs")))


@pytest.fixture(scope="module")
def results(commands, tmp_path_factory) -> dict[str, dict[str, bytes]]:
    """What each command writes where nothing is wrong."""
    made = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp("good")
        assert main(commands[kind].into(folder)) == 0
        made[kind] = {name: (folder / name).read_bytes() for name in commands[kind].files}
    return made


def require_untouched(command, folder, files) -> str:
    """Run a command that must fail for want of room, and return its sentence."""
    errors = io.StringIO()  # in memory: a limit on files would be one on what is captured, too
    with redirect_stdout(io.StringIO()), redirect_stderr(errors):
        status = main(command.into(folder))
    require_one_sentence(status, errors.getvalue())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
    return errors.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_at_any_byte(commands, results, full_disk, tmp_path, kind):
    """Whichever of the files does not fit, all stay as they were."""
    smallest = min(map(len, results[kind].values()))
    for files in ({}, dict.fromkeys(commands[kind].files, b"earlier")):
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        for room in (0, 1, smallest // 2, smallest - 1):
            with full_disk(room):
                said = require_untouched(commands[kind], tmp_path, files)
            assert re.search(r"cannot be written: no file may be larger than [\d.]+ \w+ here; raise that limit", said)
            assert ("(the earlier one is untouched)" in said) == bool(files) or room == 0


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs, which is Linux's")
def test_a_file_system_that_is_full(run, commands, results, small_disk):
    for kind in KINDS:
        folder = small_disk / "results"
        status, _, errors = run(*commands[kind].into(folder))
        assert status == 0, errors
        good = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert set(good) == set(commands[kind].files)
        for left in (0, 4096):
            filler = small_disk / "filler"
            with filler.open("wb") as stream:
                room = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize
                stream.write(bytes(max(0, room - left)))
            if left < sum(map(len, good.values())):
                said = require_untouched(commands[kind], folder, good)
                assert re.search(rf"{folder} is full \([\d.]+ \w+ free\); free some space there, or choose", said), said
            filler.unlink()
        for name in good:
            (folder / name).unlink()


#: Runs a command line again and again, each in a child of its own that a signal ends at a random moment.
STORM = """
import json, os, random, signal, sys, time
from mmhvae.cli import main
given, folder, random = json.loads(sys.argv[1]), sys.argv[2], random.Random(0)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a program in the background inherits that they are ignored
signal.signal(signal.SIGINT, signal.default_int_handler)

def run(turn, delay):
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            os._exit(main(given))
        except KeyboardInterrupt:  # before it was called
            os._exit(130)
    if delay is not None:
        time.sleep(delay)
        os.kill(child, [signal.SIGTERM, signal.SIGHUP, signal.SIGINT][turn % 3])
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

run(0, None)
started = time.monotonic()
run(0, None)
lasts = time.monotonic() - started
print(json.dumps([run(turn, random.random() * lasts) for turn in range(9)]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system ends its programs otherwise")
def test_signals_at_random_moments(commands, results):
    """A few; a hundred, through every command, are in ``make acceptance``."""
    command, memory = commands["overlay to .nii.gz"], Path("/dev/shm")  # where fsync waits for no disk
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        done = subprocess.run(
            [sys.executable, "-c", STORM, json.dumps(command.into(Path(name))), name],
            capture_output=True, text=True, timeout=120, env=os.environ | {"PYTHONPATH": str(CORE)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        endings = [(-15, 0), (-1, 0), (130, 0)]
        wrong = [status for turn, status in enumerate(json.loads(done.stdout)) if status not in endings[turn % 3]]
        assert wrong == []
        assert "Traceback" not in done.stderr
        assert faults_in(Path(name), command, results["overlay to .nii.gz"]) == []
