"""The option --device has one home, and tables do not depend on whether the machine has a GPU."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import evaluate
import pytest
import torch
from mmhvae import InputError
from mmhvae_training.device_option import add_device, device_of_table

TRAINING = Path(__file__).resolve().parents[2] / "Training"


def test_no_script_has_its_own():
    texts = {path.name: path.read_text(encoding="utf-8") for path in TRAINING.rglob("*.py")}
    assert [name for name in texts if '"--device"' in texts[name]] == ["device_option.py"]


def test_a_table_takes_a_gpu_only_when_it_is_named(monkeypatch):
    parser = argparse.ArgumentParser()
    add_device(parser)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert device_of_table(parser.parse_args([]).device) == "cpu"
    assert device_of_table(parser.parse_args(["--device", "cuda"]).device) == "cuda"
    assert device_of_table("cpu") == "cpu"


def test_a_device_that_there_is_not_is_one_sentence(monkeypatch, tmp_path):
    given = ["table", "--bundle", tmp_path, "--cases", tmp_path, "--device", "abacus", "--output", tmp_path / "e"]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, given)])
    with pytest.raises(InputError, match=r"There is no device 'abacus'; use auto, cpu, cuda or mps\.$"):
        evaluate.main()
