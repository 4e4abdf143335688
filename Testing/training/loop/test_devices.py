"""How many processes a run takes by itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from mmhvae import InputError

pytest.importorskip("lightning_fabric", reason="needs the extra 'training'")
from mmhvae_training.configuration import AdversarialConfig, Configuration, DataConfig, DeviceConfig
from mmhvae_training.loop.devices import devices_of, launch


def run(
    batch: int, drawn: int = 16, devices: int | str = "auto", accelerator: str = "cpu", weight=1.0
) -> Configuration:
    adversarial = AdversarialConfig(weight=weight, pool_drawn=drawn)
    data, device = DataConfig(cases=Path(), batch_size=batch), DeviceConfig(accelerator, devices)
    return Configuration(run=Path(), data=data, adversarial=adversarial, device=device)


@pytest.mark.parametrize(
    ("cores", "configuration", "expected"),
    [
        (2, run(4), 2),
        (1, run(4), 1),
        (6, run(4), 4),
        (6, run(16), 4),
        (5, run(16, drawn=10), 2),
        (5, run(15, weight=0.0), 5),
        (8, run(7), 1),
        (8, run(16, devices=3), 3),
        (8, run(16, accelerator="cuda"), 1),
    ],
)
def test_one_process_a_core_or_as_many_as_share_the_batch_evenly(monkeypatch, cores, configuration, expected):
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    monkeypatch.setattr(sys, "argv", [__file__])
    assert devices_of(configuration) == expected


def test_a_script_that_cannot_be_started_again_is_one_process(monkeypatch, tmp_path):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "ipykernel_launcher"), "-f"])
    assert devices_of(run(4)) == 1


def test_a_process_that_was_started_knows_how_many_there_are(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert devices_of(run(4)) == 4


def test_an_uneven_batch_and_no_device_are_refused():
    with pytest.raises(InputError, match=r"data\.batch_size \(4\) should be a multiple of device\.devices \(3\)"):
        launch(run(4, devices=3))
    with pytest.raises(InputError, match="should be at least 1, or auto"):
        DeviceConfig(devices=0)
