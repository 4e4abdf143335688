"""The registration benchmark's cases: the team's by seed, with a right answer, and found by the reference."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

import registration_cases
import registration_reference
from registration_peers import PEERS, installed

TEAM = Path(__file__).resolve().parents[3] / "shared" / "bench_registration.py"
COARSE = 4.0  # mm: a case in a second


@pytest.fixture(scope="module")
def case():
    pytest.importorskip("nilearn", reason="needs the extra 'training'")
    return registration_cases.make_case("corrupt", 1, 3, COARSE)


@pytest.fixture(scope="module")
def easy():
    pytest.importorskip("nilearn", reason="needs the extra 'training'")
    return registration_cases.make_case("same", 1, 900, COARSE)


def test_a_case_is_the_teams_by_seed(case):
    if not TEAM.is_file():
        pytest.skip("needs the team's benchmark, ../shared/bench_registration.py")
    specification = importlib.util.spec_from_file_location("team_benchmark", TEAM)
    team = sys.modules["team_benchmark"] = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(team)
    theirs = team.make_case("corrupt", 1, 3, COARSE)
    for name in ("fixed", "fixed_affine", "fixed_mask", "moving", "moving_mask", "pts"):
        assert np.array_equal(getattr(case, name), getattr(theirs, name)), name
    np.testing.assert_allclose(case.T_true, theirs.T_true, rtol=0, atol=1e-8)
    np.testing.assert_allclose(case.moving_affine, theirs.moving_affine, rtol=0, atol=1e-8)


def test_a_case_is_displaced_by_what_its_range_says(case):
    rotation = case.T_true[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    low, high = registration_cases.RANGES_MM[1]
    assert low < np.median(case.tre(np.eye(4))) < high
    assert case.tre(case.T_true).max() == 0
    assert (case.fixed[case.fixed_mask == 0] == 0).all()
    assert 0.1 < case.fixed_mask.mean() < 0.9


def test_the_reference_finds_what_was_displaced(easy, monkeypatch):
    monkeypatch.setattr(registration_reference, "LEVELS_MM", (4.0,))
    monkeypatch.setattr(registration_reference, "NEARBY", 1)
    assert easy.tre(registration_reference.reference(easy)).mean() < 1.0 < easy.tre(np.eye(4)).mean()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PEERS if name != "sitk_ncc"])  # which takes longer still
def test_a_peer_that_is_installed_finds_it_too(easy, name):
    _, module, engine = PEERS[name]
    if not installed(module):
        pytest.skip(f"{module} is not installed")
    assert easy.tre(engine(easy)).mean() < 2.0
