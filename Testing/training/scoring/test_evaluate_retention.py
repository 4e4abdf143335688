"""evaluate.py retention: what is compared, what goes on, and what is made anew."""

from __future__ import annotations

import json
import shutil
import sys
from types import SimpleNamespace

import evaluate
import pytest
from mmhvae import InputError, load_bundle
from mmhvae.bundle import Bundle, Manifest, save_bundle, starter_bundle
from mmhvae.network import MMHVAE, MMHVAEConfig
from mmhvae_training.judging import Outlining

TINY = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=2, decoder_features=4, decoder_blocks=1)


def test_what_retention_compares_has_names_of_its_own(tmp_path):
    given = ["retention", "--cases", str(tmp_path), "--output", str(tmp_path / "out")]
    sha256 = load_bundle(starter_bundle()).manifest.weights_sha256
    assert list(evaluate.retention_sources(evaluate.parser().parse_args(given))) == [f"starter {sha256[:8]}"]
    twice = ["--bundle", str(starter_bundle())] * 2
    with pytest.raises(InputError, match="rename one"):
        evaluate.retention_sources(evaluate.parser().parse_args([*given, *twice]))
    with pytest.raises(InputError, match="holds no run"):
        evaluate.retention_sources(evaluate.parser().parse_args([*given, "--run", str(tmp_path)]))


@pytest.mark.parametrize("change", [{"colour": "red"}, {"dice": None}, {"dice": "high"}])
def test_retention_of_another_version_is_one_sentence(tmp_path, change):
    row = {"case": "a", "method": "m", "target": "t2", "dice": 0.5, "found_ml": 1.0, "true_ml": 1, "psnr": None}
    given = ["retention", "--cases", str(tmp_path), "--output", str(tmp_path)]
    with pytest.raises(InputError, match="with a tumour in view"):
        evaluate.make_retention(evaluate.parser().parse_args(given))
    (tmp_path / "retention.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(row | change) + "\n")
    with pytest.raises(InputError, match=rf"^Line 2 of .*{next(iter(change))} is .*; remove that line, then go on\.$"):
        evaluate.make_retention(evaluate.parser().parse_args(given))
    with pytest.raises(InputError, match="was begun with other seed; choose another folder"):
        evaluate.make_retention(evaluate.parser().parse_args([*given, "--seed", "1"]))


def test_retention_of_other_weights_under_the_same_name_is_made_anew(tmp_path, monkeypatch, capsys):
    made = []

    def outlined(case, segmenter, method, images):
        made.append(method)
        return [Outlining(case, method, target, 0.5, 1.0, 1.0) for target in evaluate.RETENTION_TARGETS]

    for name, does in {
        "load_segmenter": lambda _: SimpleNamespace(manifest=SimpleNamespace(weights_sha256="s")),
        "load_evaluation_case": lambda folder: folder.name,
        "has_lesion": lambda _: True,
        "_images": lambda *_: {},
        "outlinings": outlined,
        "control": lambda case: [
            Outlining(case, evaluate.CONTROL, target, 0.5, 1.0, 1.0) for target in evaluate.RETENTION_TARGETS
        ],
    }.items():
        monkeypatch.setattr(evaluate, name, does)
    (tmp_path / "cases" / "case-0").mkdir(parents=True)
    given = ("retention", "--cases", tmp_path / "cases", "--bundle", tmp_path / "b", "--output", tmp_path / "o")
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, given)])
    manifest, names = Manifest("tiny", TINY, 1.0, "none", "tests"), []
    for weights in (MMHVAE(TINY).eval(), MMHVAE(TINY).eval()):
        shutil.rmtree(tmp_path / "b", ignore_errors=True)
        save_bundle(Bundle(weights, manifest, "card"), tmp_path / "b")
        names.append(f"b {load_bundle(tmp_path / 'b').manifest.weights_sha256[:8]}")
        for _ in range(2):
            evaluate.main()
    assert made == [evaluate.TRUE, *names]
    lines = tmp_path / "o" / "retention.jsonl"
    whole = lines.read_text().splitlines()
    lines.write_text("\n".join(whole[:-1]) + "\n")  # stopped between a method's two images
    evaluate.main()
    assert (lines.read_text().splitlines(), made[-1]) == (whole, names[-1])
    assert names[0] not in (tmp_path / "o" / "retention.md").read_text()
    (tmp_path / "cases" / "case-0" / "us.nii.gz").write_bytes(b"simulated anew")
    with pytest.raises(InputError, match="o holds results of another case-0; choose another folder"):
        evaluate.main()
    capsys.readouterr()
