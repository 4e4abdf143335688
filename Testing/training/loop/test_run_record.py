"""A run's record is read by one door: one that is missing or damaged is a sentence, whoever reads it."""

from __future__ import annotations

import json

import pytest
from mmhvae import InputError
from mmhvae_training.loop import checkpoints, running
from mmhvae_training.loop.run_record import RUN, read_run, spacing_of
from mmhvae_training.personalised import personalised_method, runs
from mmhvae_training.scoring import baseline_runs, network_source, run_volumes

WHOLE = {"commit": "c", "config": {"data": {"spacing": 0.5}}}
DAMAGED = {
    "empty": "",
    "cut off": json.dumps(WHOLE)[:20],
    "a list": "[]",
    "no JSON": "\x00\xff",
    "no config": '{"commit": "c"}',
    "a config of another type": '{"commit": "c", "config": []}',
    "no commit": '{"config": {}}',
}
#: What reads the record before it looks at anything else.
READERS = {
    "anybody": read_run,
    "a run that goes on": lambda folder: running.require_same_run(folder, WHOLE, ["data"]),
    "one that starts from it": lambda folder: checkpoints.start_from(None, folder),
    "personalised, starts from it": lambda folder: personalised_method.start_from(None, folder),
    "personalised, judged": runs.load_run,
    "judged, exported": network_source.load_run,
    "a baseline?": baseline_runs.is_baseline,
    "costs, registration": run_volumes.volumes_of_run,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_damaged_record_is_one_sentence(tmp_path, reader, content):
    (tmp_path / RUN).write_text(content, encoding="latin-1")
    sentence = r"run\.json (is missing or damaged|does not say how .*); restore it, or [^.]*\.$"
    with pytest.raises(InputError, match=sentence):
        reader(tmp_path)


def test_a_checkpoint_without_its_record_says_so(tmp_path):
    (tmp_path / checkpoints.CHECKPOINT).touch()
    for name in ("a run that goes on", "one that starts from it", "personalised, starts from it", "judged, exported"):
        with pytest.raises(InputError, match=r"holds no run\.json; restore it, or give"):
            READERS[name](tmp_path)


def test_the_spacing_is_a_number_or_that_of_older_runs(tmp_path):
    assert spacing_of(tmp_path, WHOLE) == 0.5
    assert spacing_of(tmp_path, {"config": {}}, 1.0) == 1.0
    for config in ({}, {"data": []}, {"data": {"spacing": "wide"}}, {"data": {"spacing": [1]}}):
        with pytest.raises(InputError, match=r"tells no data\.spacing; restore it"):
            spacing_of(tmp_path, {"config": config})
