"""The program as a process: its versions and help, its status, and what is left where it is stopped or killed."""

from __future__ import annotations

import os
import subprocess
import sys

import mmhvae
import numpy as np
import pytest
from mmhvae.cli import main

from .calls import CORE, bytes_as, files, require_one_sentence, synthesis, write_markups


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_version_and_help(argument, capsys):
    with pytest.raises(SystemExit) as left:
        main([argument])
    assert left.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert mmhvae.__version__ in text if argument == "--version" else "Not approved for clinical use" in text


def test_a_defect_is_status_1(run, bundle, us, tmp_path, monkeypatch):
    def broken(*arguments: object, **more: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("mmhvae.synthesis.synthesis.synthesize", broken)
    status, _, errors = run(*synthesis(bundle, us, tmp_path / "out"))
    assert status == 1
    assert "ZeroDivisionError" in errors
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, mmhvae.Cancelled])
def test_an_interrupt_writes_nothing(run, bundle, us, tmp_path, monkeypatch, stop):
    def interrupted(fraction: float, message: str) -> None:
        if fraction > 0.2:
            raise stop

    monkeypatch.setattr("mmhvae.commands.synthesize.report", interrupted)
    status, _, errors = run(*synthesis(bundle, us, tmp_path / "out"))
    assert (status, errors) == (130, "mmhvae: Cancelled.\n")
    assert files(tmp_path / "out") == []


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(CORE), "OMP_NUM_THREADS": "1"}


def program(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mmhvae.cli", *map(str, arguments)]


def test_the_program_works_and_refuses_as_the_function_does(bundle, us, tmp_path):
    call = {"capture_output": True, "text": True, "env": environment(), "timeout": 100}
    done = subprocess.run(program(*synthesis(bundle, us, tmp_path / "out", "--samples", 1)), **call)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(tmp_path / "out") == ["t2.nii.gz"]
    bad = bytes_as(np.random.default_rng(0).bytes(3000), tmp_path / "x.mrc")  # ITK prints warnings about it
    done = subprocess.run(program(*synthesis(bundle, bad, tmp_path / "no")), **call)
    require_one_sentence(done.returncode, done.stderr)
    assert not (tmp_path / "no").exists()


def test_killed_at_work_it_leaves_nothing(bundle, us, tmp_path):
    """Killed at its first slice, of which it tells a terminal."""
    pty = pytest.importorskip("pty", reason="needs a system with terminals")
    output, (ours, its) = tmp_path / "out", pty.openpty()
    process = subprocess.Popen(
        program(*synthesis(bundle, us, output, "--samples", 50)), env=environment(), stdout=its, stderr=its
    )
    os.close(its)
    said = b""
    while b"slice " not in said:
        said += os.read(ours, 1024)  # fails once the program has ended
    process.kill()
    assert process.wait(30) == -9
    os.close(ours)
    assert not output.exists()


def test_killed_while_writing_it_leaves_nothing_under_a_final_name(bundle, us, tmp_path):
    """It kills itself after the second of its two files, before either has its name."""
    code = (
        "import os, signal, sys, SimpleITK as sitk, mmhvae.cli\n"
        "write, names = sitk.WriteImage, []\n"
        "def fatal(image, name, **options):\n"
        "    write(image, name, **options); names.append(name)\n"
        "    if len(names) == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sitk.WriteImage = fatal\n"
        "sys.exit(mmhvae.cli.main(sys.argv[1:]))\n"
    )
    arguments = map(str, synthesis(bundle, us, tmp_path / "out", "--samples", 2))
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=environment(), timeout=100, check=False)
    assert done.returncode == -9
    left = files(tmp_path / "out")
    assert len(left) == 2
    assert all(name.startswith(".") for name in left)


def test_a_reader_that_has_seen_enough_is_no_defect(tmp_path):
    """It has gone before the first line comes."""
    points = write_markups(np.eye(3), tmp_path / "p.mrk.json")
    kept, way_out = os.pipe()
    os.close(kept)
    command = program("tre", "--landmarks", points, points)
    done = subprocess.run(command, stdout=way_out, stderr=subprocess.PIPE, text=True, env=environment(), timeout=100)
    os.close(way_out)
    assert (done.returncode, done.stderr) == (0, "")
