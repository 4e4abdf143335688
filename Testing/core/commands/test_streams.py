"""Standard streams closed, full or of a poor encoding: results are written, the status is honest, no traceback."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from mmhvae.cli import main
from mmhvae.images import write_transform

from .calls import CORE, landmarks, write_markups

FULL = Path("/dev/full")
#: Runs command lines, each in a child of its own with its streams spoilt; prints status, and what standard error got.
DRIVER = """
import json, os, sys
from mmhvae.cli import main
import SimpleITK  # once, for all children
for case in json.loads(sys.argv[1]):
    kept, way_out = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(way_out, 2)
        for number in case["full"]:
            os.dup2(os.open("/dev/full", os.O_WRONLY), number)
        names = {0: "stdin", 1: "stdout", 2: "stderr"}
        for number in case["closed"]:
            os.close(number)
            setattr(sys, names[number], None)  # as Python starts without them
        os.close(kept)
        sys.exit(main(case["arguments"]))
    os.close(way_out)
    errors = b""
    while block := os.read(kept, 65536):
        errors += block
    os.close(kept)
    _, state = os.waitpid(child, 0)
    print(json.dumps([os.waitstatus_to_exitcode(state), errors.decode()]), flush=True)
"""


@pytest.fixture
def overlay(tmp_path):
    """Arguments of a command that writes a file, and the file."""
    labels = np.zeros((8, 9, 10), np.uint8)
    labels[2:5, 2:5, 2:5] = 1
    image = sitk.GetImageFromArray(labels)
    image.SetMetaData("Segment0_Name", "Tumör ☃")
    image.SetMetaData("Segment0_LabelValue", "1")
    sitk.WriteImage(image, str(tmp_path / "s.seg.nrrd"))
    sitk.WriteImage(sitk.GetImageFromArray(labels + 1), str(tmp_path / "us.nii.gz"))
    write_transform(sitk.Euler3DTransform(), tmp_path / "t.tfm")
    given = {"segmentation": "s.seg.nrrd", "transform": "t.tfm", "reference": "us.nii.gz", "output": "o.nii.gz"}
    return ["overlay", *(str(x) for k, v in given.items() for x in (f"--{k}", tmp_path / v))], tmp_path / "o.nii.gz"


@pytest.fixture
def tre(tmp_path):
    fixed, moving = landmarks(sitk.Euler3DTransform())
    paths = write_markups(fixed, tmp_path / "f.mrk.json"), write_markups(moving, tmp_path / "m.mrk.json")
    return ["tre", "--landmarks", *map(str, paths)]


@pytest.mark.skipif(not FULL.exists() or not hasattr(os, "fork"), reason="needs /dev/full and fork")
def test_streams_that_are_closed_or_full(overlay, tre):
    import json

    arguments, output = overlay
    cases = [
        {"arguments": given, "closed": closed, "full": full, "status": status}
        for given, closed, full, status in [
            (arguments, [1], [], 0), (arguments, [2], [], 0), (arguments, [0, 1, 2], [], 0), (arguments, [], [1], 0),
            (arguments, [], [2], 0), (arguments, [], [1, 2], 0),
            (tre, [1], [], 2), (tre, [], [1], 2), (tre, [2], [], 0), (tre, [0], [], 0), (["--help"], [], [1], 2),
            (["tre", "--landmarks", "no.tag"], [2], [], 2), (["tre", "--landmarks", "no.tag"], [], [1], 2),
        ]
    ]  # fmt: skip
    sent = [{key: case[key] for key in ("arguments", "closed", "full")} for case in cases]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(sent)], capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": str(CORE), "PYTHONUNBUFFERED": ""},  # a full buffer fails once more at the end
    )  # fmt: skip
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert [status for status, _ in found] == [case["status"] for case in cases], (found, done.stderr)
    for case, (status, errors) in zip(cases, found, strict=True):
        assert "Traceback" not in errors
        assert "Exception ignored" not in errors
        heard = 2 not in case["closed"] + case["full"]
        assert errors.count("\n") == (1 if status == 2 and heard else errors.count("mmhvae: Note:")), errors
    assert sitk.ReadImage(str(output)).GetSize() == (10, 9, 8)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8", "cp437"])
def test_any_encoding_gets_every_letter_in_some_way(overlay, monkeypatch, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(overlay[0]) == 0
    stream.flush()
    text = stream.buffer.getvalue().decode(encoding)
    assert "Tum" in text
    assert overlay[1].exists()


@pytest.mark.skipif(os.name == "nt", reason="names there are no bytes")
def test_paths_of_any_bytes(overlay, tmp_path, capfd):
    arguments, _ = overlay
    folder = tmp_path / os.fsdecode(b"r\xe9sultat")
    folder.mkdir()
    odd = {}
    for name in ("s.seg.nrrd", "t.tfm", "us.nii.gz"):
        odd[name] = folder / os.fsdecode(b"\xe9" + name.encode())
        odd[name].write_bytes((tmp_path / name).read_bytes())
    odd["o.nii.gz"] = folder / os.fsdecode(b"o\xff.nii.gz")
    given = [str(odd.get(Path(word).name, word)) for word in arguments]
    assert main(given) == 0, capfd.readouterr()
    assert odd["o.nii.gz"].stat().st_size > 0
    assert sorted(os.listdir(folder)) == sorted(path.name for path in odd.values())
    odd["us.nii.gz"].write_bytes(b"")
    assert main(given) == 2


@pytest.mark.parametrize(
    "content",
    [
        "raise OSError('libcublas.so.12: cannot open shared object file')",
        "raise AttributeError('partially initialized')",
        "",
    ],
)
def test_a_half_installed_torch_is_a_sentence(tmp_path, content):
    """At the command line and in Python; nothing else than torch is the matter, and nothing else is blamed."""
    folder = tmp_path / "torch"
    folder.mkdir()
    (folder / "__init__.py").write_text(content)
    program = (
        "import mmhvae.cli, sys\n"
        "status = mmhvae.cli.main(['info', 'starter'])\n"
        "try:\n    mmhvae.synthesize\nexcept mmhvae.InputError as error:\n    print(error)\n"
        "sys.exit(status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(CORE)])},
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    for text in (done.stdout, done.stderr):
        assert "PyTorch cannot be loaded" in text
