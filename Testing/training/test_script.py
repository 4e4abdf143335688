"""How scripts end."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from mmhvae import InputError
from mmhvae_training import script

TRAINING = Path(__file__).resolve().parents[2] / "Training"


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


def test_every_script_ends_so_and_can_be_imported():
    """Scripts that are no thin doors, or that end in their own way, are listed."""
    wrong = []
    for path in sorted([*TRAINING.glob("*.py"), *TRAINING.glob("studies/*.py")]):
        text = path.read_text(encoding="utf-8")
        spec = importlib.util.spec_from_file_location(f"script_{path.stem}", path)
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if not text.endswith('if __name__ == "__main__":\n    script.run(main)\n') or not callable(module.main):
            wrong.append(path.name)
    assert wrong == []
