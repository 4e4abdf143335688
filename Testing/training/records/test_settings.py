"""An evaluation goes on as it was begun; where that is refused, what is there stays as it is."""

from __future__ import annotations

import json

import pytest
from mmhvae import InputError
from mmhvae_training.records import refuse_other_settings, require_same_settings

BEGUN = {"step": 1, "crop": [32, 32, 32]}


def test_an_evaluation_goes_on_only_as_it_was_begun(tmp_path):
    folder = tmp_path / "deep" / "evaluation"
    for begun in (False, True):
        require_same_settings(folder, BEGUN, begun)
    with pytest.raises(InputError, match=r"was begun with other overlap, step; choose another folder for --output\.$"):
        require_same_settings(folder, {**BEGUN, "step": 2, "overlap": 0.5}, begun=False)
    assert json.loads((folder / "settings.json").read_text()) == BEGUN
    (folder / "settings.json").write_text("{")
    with pytest.raises(InputError, match=r"settings\.json is missing or damaged; restore it, or choose another folder"):
        require_same_settings(folder, BEGUN, begun=True)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"):
        require_same_settings(tmp_path / "file" / "evaluation", {}, begun=False)


def test_nothing_is_added_to_results_that_do_not_say_what_made_them(tmp_path):
    with pytest.raises(InputError, match=r"holds results, and no settings\.json says what made them; choose another"):
        require_same_settings(tmp_path, BEGUN, begun=True)
    refuse_other_settings(tmp_path, BEGUN)  # they may be read
    assert not list(tmp_path.iterdir())


def test_evaluations_that_share_a_folder_have_settings_of_their_own(tmp_path):
    require_same_settings(tmp_path, {"bundle": "a"}, begun=False)
    require_same_settings(tmp_path, {"bundle": "b"}, begun=False, name="case2-settings.json")
    refuse_other_settings(tmp_path, {"bundle": "b"}, "case2-settings.json")
    with pytest.raises(InputError, match="other bundle"):
        refuse_other_settings(tmp_path, {"bundle": "b"})


def test_what_adds_nothing_need_not_know_all_that_a_folder_was_begun_with(tmp_path):
    require_same_settings(tmp_path, BEGUN, begun=False)
    refuse_other_settings(tmp_path, {"step": 1, "overlap": 0.5})
    with pytest.raises(InputError, match="other step;"):
        refuse_other_settings(tmp_path, {"step": 2, "overlap": 0.5})
