"""How scripts end."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mmhvae import InputError
from mmhvae_training import script

TRAINING = Path(__file__).resolve().parents[2] / "Training"
WITH_FULL_DEVICE = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")


def ends(error: BaseException | None):
    def main() -> None:
        if error:
            raise error

    return main


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (None, 0, ""),
        (InputError("No such folder."), 2, "work.py: No such folder.\n"),
        (script.StoppedError("It exploded."), 1, "work.py: It exploded.\n"),
        (KeyboardInterrupt(), 130, "work.py: Stopped."),
        (OSError(28, "No space left on device"), 2, "No space left on device"),
    ],
    ids=["done", "input", "stopped", "interrupted", "full disk"],
)
def test_a_script_ends_with_a_status_and_one_sentence(monkeypatch, capsys, error, status, said):
    monkeypatch.setattr(sys, "argv", ["somewhere/work.py"])
    with pytest.raises(SystemExit) as ended:
        script.run(ends(error))
    assert ended.value.code == status
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == (error is not None)


def test_of_several_processes_the_first_one_speaks_and_the_others_wait_for_its_end(monkeypatch, capsys):
    parents = iter([7, 7, 7, 1])
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(script.os, "getppid", lambda: next(parents))
    assert script.status_of(ends(InputError("No such folder."))) == 2
    assert capsys.readouterr().err == ""
    assert next(parents, None) is None


def test_a_defect_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        script.run(ends(ZeroDivisionError()))


def scripts():
    return sorted([*TRAINING.glob("*.py"), *TRAINING.glob("studies/*.py")])


def imported_first(text):
    """The modules that a script imports up to the one by which it ends, Python's own left out."""
    nodes = [node for node in ast.parse(text).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = [node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in nodes]
    others = [name for name in names if name.split(".")[0] not in sys.stdlib_module_names]
    return others[:1]


def test_every_script_ends_so_and_can_be_imported():
    """Scripts that are no thin doors, that end in their own way, or import a package before they can say it is missing,
    are listed."""
    wrong = []
    for path in scripts():
        text = path.read_text(encoding="utf-8")
        spec = importlib.util.spec_from_file_location(f"script_{path.stem}", path)
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        is_thin = text.endswith('if __name__ == "__main__":\n    run(main)\n') and callable(module.main)
        if not (is_thin and imported_first(text) == ["mmhvae_training.script"] and module.run is script.run):
            wrong.append(path.name)
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "torch"),
    [
        ("train.py", "raise OSError('libcublas.so.12: cannot open shared object file')"),
        ("studies/judge_real.py", "raise AttributeError('partially initialized')"),
        ("studies/measure_methods.py", ""),
        ("train_segmenter.py", None),
    ],
)
def test_a_half_installed_torch_is_a_sentence(tmp_path, name, torch):
    """In a process of its own; with None, torch is whole and the package that trains is missing."""
    broken = tmp_path / ("lightning_fabric" if torch is None else "torch")
    broken.mkdir()
    missing = "raise ModuleNotFoundError(\"No module named 'lightning_fabric'\", name='lightning_fabric')"
    (broken / "__init__.py").write_text(missing if torch is None else torch)
    path = os.pathsep.join(map(str, [tmp_path, TRAINING.parent / "MMHVAESynthesis"]))  # as after an installation
    done = subprocess.run(
        [sys.executable, str(TRAINING / name), "--help"], capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    said = "The package lightning_fabric is not installed" if torch is None else "PyTorch cannot be loaded"
    assert done.stderr.startswith(f"{Path(name).name}: {said}")


def test_studies_find_the_package_that_lies_beside_their_folder():
    """Python looks beside the script alone, and the package is not installed."""
    found = "sys.path.insert(0, str(Path(__file__).resolve().parents[1]))"
    texts = {path.name: path.read_text(encoding="utf-8") for path in (TRAINING / "studies").glob("*.py")}
    assert [name for name, text in texts.items() if found not in text.split("from mmhvae_training")[0]] == []


@pytest.mark.parametrize("stream", [pytest.param("/dev/full", marks=WITH_FULL_DEVICE), "closed", "ascii"])
def test_standard_output_costs_no_result(tmp_path, stream):
    program = (
        "import sys\nfrom pathlib import Path\nfrom mmhvae_training.script import run\n"
        "def main():\n    for n in range(2000):\n        print('Größe', n, flush=True)\n"
        "    Path(sys.argv[1]).write_text('done')\nrun(main)\n"
    )
    path = os.pathsep.join(map(str, [TRAINING.parent / "MMHVAESynthesis", TRAINING]))
    with open("/dev/full" if stream == "/dev/full" else os.devnull, "w") as output:
        done = subprocess.run(
            [sys.executable, "-c", program, tmp_path / "result"], stdout=output, stderr=subprocess.PIPE, text=True,
            timeout=120, env=os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": "ascii"},
            preexec_fn=(lambda: os.close(1)) if stream == "closed" else None,
        )  # fmt: skip
    assert (done.returncode, (tmp_path / "result").read_text()) == (0, "done")
    assert done.stderr == ("-c: The work is done, but standard output takes no text.\n" if stream != "ascii" else "")


def test_a_defect_before_the_work_keeps_its_traceback(tmp_path):
    program = "import mmhvae_training.script, mmhvae_training.not_there"
    path = os.pathsep.join(map(str, [TRAINING.parent / "MMHVAESynthesis", TRAINING]))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" in done.stderr
