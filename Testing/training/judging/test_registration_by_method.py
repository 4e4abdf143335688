"""Table 3 by method: what evaluate_registration.py wrote, beside each other."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from mmhvae.exceptions import InputError
from mmhvae_training.judging import SINGLE, TABLE, compare_registrations, read_registrations, write_csv
from mmhvae_training.judging.registration_table import RANGES, TOGETHER

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "Training"))
import evaluate_registration

PRIOR = {"translation_mm": 10.0, "rotation_deg": 5.0}


def write(folder: Path, errors: dict[str, float], cases: int = 10, first: int = 0, prior=PRIOR) -> Path:
    """Registrations whose error grows by 0.2 mm a case, in the files that the script writes."""
    rows = [
        {
            "case": f"case-{n:05d}",
            "method": name,
            "tre": {r: {"displacement": 8.0, "before": 9.0, "after": error + 0.2 * n} for r in RANGES},
        }
        for n in range(first, first + cases)
        for name, error in errors.items()
    ]
    folder.mkdir(parents=True)
    write_csv(rows, folder / SINGLE)
    (folder / TABLE).write_text(json.dumps({"provenance": {"prior": prior}}))
    return folder


def compared(*folders: Path) -> str:
    return compare_registrations({folder.name: read_registrations(folder) for folder in folders})


def test_methods_stand_beside_the_ultrasound_and_the_paper(tmp_path: Path) -> None:
    common = {"direct t2": 3.0, "LC2 t2": 2.0, "direct cet1": 5.0, "direct flair": 5.0}
    good = common | {"through t2": 1.0, "through cet1": 4.0, "through flair": 4.0, TOGETHER: 0.5}
    fair = common | {"through t2": 1.5, "through cet1": 4.0, "through flair": 6.0}
    text = compared(write(tmp_path / "mmhvae", good, 12), write(tmp_path / "resvit", fair))
    t2, rest = text.split("## ceT1")
    assert text.startswith("# Registration by method (Table 3)\n\n10 held-out simulated cases")  # two are not common
    deviation = np.std(np.arange(10) * 0.2, ddof=1)
    assert f"| synthetic, mmhvae | **1.9 ({deviation:.1f})** |" in t2  # p = 2 / 2^10, times 3 pairs
    assert f"| synthetic, resvit | 2.4 ({deviation:.1f}) |" in t2
    assert "| acquired iUS | 3.9 (0.6) |" in t2
    assert "| acquired iUS, LC2 | 2.9 (0.6) |" in t2
    assert "| *synthetic, resvit, paper* | *0.8 (0.3)* |" in t2
    assert "**" not in rest.split("## FLAIR")[0]  # two methods alike: neither is better than every other
    assert "| synthetic, resvit | - | - | - | - |" in rest.split("## All three")[1]


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    one = write(tmp_path / "one", {"through t2": 1.0})
    with pytest.raises(InputError, match="two or more"):
        compared(one)
    with pytest.raises(InputError, match="different priors"):
        compared(one, write(tmp_path / "free", {"through t2": 1.0}, prior=None))
    with pytest.raises(InputError, match="no case in common"):
        compared(one, write(tmp_path / "others", {"through t2": 1.0}, first=50))
    with pytest.raises(InputError, match="holds no registrations"):
        read_registrations(tmp_path)


@pytest.mark.parametrize("method", ["through t2", "LC2 t2", ""])
def test_a_range_that_somebody_took_out_is_named(tmp_path: Path, method: str) -> None:
    """Of one method, of one that other folders need not have, or of all."""
    folder = write(tmp_path / "one", {"through t2": 1.0, "LC2 t2": 1.0}, cases=2)
    lines = (folder / SINGLE).read_text().splitlines()
    kept = [line for line in lines if f"{method},4-8," not in line]
    (folder / SINGLE).write_text("\n".join(kept) + "\n")
    lacks = rf"^registration\.csv in .*one lacks the range 4-8 mm of '{method or 'LC2 t2'}'; restore it, or evaluate"
    with pytest.raises(InputError, match=lacks):
        read_registrations(folder)
    for rest in ("\n", "\n" + "a" * 200_000):  # no line, and a field that is none
        (folder / SINGLE).write_text(lines[0] + rest)
        with pytest.raises(InputError, match="holds no registrations"):
            read_registrations(folder)


def test_the_script_compares_folders(tmp_path: Path, monkeypatch, capsys) -> None:
    folders = [write(tmp_path / "runs" / name, {"through t2": error}) for name, error in (("a", 1.0), ("b", 2.0))]
    given = ["--compare", *folders, "--output", tmp_path / "table.md"]
    monkeypatch.setattr(sys, "argv", ["evaluate_registration.py", *map(str, given)])
    evaluate_registration.main()
    assert (tmp_path / "table.md").read_text() == capsys.readouterr().out.rstrip("\n") + "\n"
    monkeypatch.setattr(sys, "argv", [*sys.argv[:2], str(folders[0]), *sys.argv[2:]])
    with pytest.raises(InputError, match="rename one"):
        evaluate_registration.main()
