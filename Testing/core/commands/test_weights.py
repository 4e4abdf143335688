"""The user's models on the command line."""

from __future__ import annotations

from pathlib import Path

import mmhvae
import pytest
from mmhvae.bundle import store as weights
from mmhvae.bundle.store import WeightsStore

from ..bundle.stores import install


def test_the_command_line(run, bundle, tmp_path, monkeypatch):
    monkeypatch.setenv(weights.ENVIRONMENT, str(tmp_path / "weights"))
    status, output, _ = run("weights", "install", bundle, "--name", "mine")
    assert (status, "mine" in output) == (0, True)
    listed = run("weights", "list")[1]
    names = [line.split()[0] for line in listed.splitlines()]
    assert names == ["starter", "mine", "segmenter", "brain", "mmhvae-release"]
    assert run("weights", "remove", "mine")[0] == 0
    assert "mine" not in run("weights", "list")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["remove", "starter"], "belongs"),
        (["remove", "nothing"], "not installed"),
        (["remove"], "which model"),
        (["install", "nothing.zip"], "no bundle"),
        (["download", "nothing"], "no model"),
        (["explode", "x"], "invalid choice"),
    ],
)
def test_wrong_command_lines(run, tmp_path, monkeypatch, arguments, words):
    monkeypatch.setenv(weights.ENVIRONMENT, str(tmp_path / "weights"))
    status, _, errors = run("weights", *arguments)
    assert (status, words in errors) == (2, True), errors
    assert not (tmp_path / "weights").exists()


def test_a_bundle_by_its_name(bundle, tmp_path, monkeypatch):
    from mmhvae.bundle.store import bundle_at

    monkeypatch.setenv(weights.ENVIRONMENT, str(tmp_path / "weights"))
    monkeypatch.chdir(tmp_path)
    path = install(WeightsStore(), bundle, "mine")
    assert bundle_at(Path("mine")) == path
    assert bundle_at(None) == bundle_at(Path("starter")) == WeightsStore().path("starter")
    assert bundle_at(Path("other")) == Path("other")
    assert [found.name for found in mmhvae.list_bundles()] == ["starter", "mine"]
    assert mmhvae.load_bundle("mine").manifest == mmhvae.load_bundle(path).manifest
    Path("mine").mkdir()  # what is there comes first
    assert bundle_at(Path("mine")) == Path("mine")
    assert mmhvae.__version__
