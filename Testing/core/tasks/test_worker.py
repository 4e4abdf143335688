"""The engine by its protocol: a real process, spoken to line by line; and its parts that a test can reach alone."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import mmhvae
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from mmhvae import Cancelled, InputError, protocol, worker
from mmhvae.bundle.bundle import Bundle, Manifest, save_bundle
from mmhvae.compute.memory_ladder import where_it_fits
from mmhvae.images.volumes import image_on, same_grid
from mmhvae.network.model import MMHVAE, MMHVAEConfig
from mmhvae.settings import ReconstructionSettings, SynthesisSettings
from mmhvae.sweep.frames import ArrayFrames, Sweep
from mmhvae.sweep.reconstruction import reconstruct
from mmhvae.sweep.sequence_file import read_sweep, write_sweep
from mmhvae.tasks.context import BundleCache, Context
from mmhvae.tasks.parameters import Parameters
from mmhvae.tasks.self_test import self_test

CORE = Path(mmhvae.__file__).resolve().parent
CONFIG = MMHVAEConfig(image_size=32, base_features=4, max_features=8, num_pools=3, decoder_features=4, decoder_blocks=1)
#: More work than any test waits for.
ENDLESS = {"targets": ["t2", "flair", "cet1"], "samples": 50, "slice_axis": "all"}


class Worker:
    """The engine process, and the messages that it sends."""

    def __init__(self, folder: Path, **environment: str) -> None:
        path = os.pathsep.join(filter(None, [str(CORE.parent), environment.pop("PYTHONPATH", "")]))
        pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
        self.folder = folder
        with (folder / "log.txt").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mmhvae.worker"], cwd=folder, stderr=log, **pipes,
                env={**os.environ, "OMP_NUM_THREADS": "1", **environment, "PYTHONPATH": path},
            )  # fmt: skip
        self.hello, self.ready = self.read(), self.read()

    def read(self) -> dict:
        return json.loads(self.process.stdout.readline())

    def send(self, **message: object) -> None:
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def answers(self, number: int) -> list[dict]:
        """Everything about request ``number`` up to its answer."""
        messages = [self.read()]
        while messages[-1]["type"] == "progress":
            messages.append(self.read())
        assert {message["id"] for message in messages} == {number}
        return messages

    def ask(self, number: int, method: str, **parameters: object) -> dict:
        self.send(id=number, method=method, parameters=parameters)
        return self.answers(number)[-1]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory, tiny_bundle) -> Path:
    """A tiny bundle, and an ultrasound-like volume."""
    folder = tmp_path_factory.mktemp("files")
    tiny_bundle(CONFIG).rename(folder / "bundle")
    rng = np.random.default_rng(0)
    smooth = sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(rng.uniform(0, 1, (32, 32, 32))), 2.0)
    values = sitk.GetArrayFromImage(smooth).astype(np.float32)
    values = 20 + 200 * (values - values.min()) / np.ptp(values)
    sitk.WriteImage(sitk.GetImageFromArray(values.astype(np.float32)), str(folder / "us.nrrd"))
    return folder


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    running = Worker(tmp_path_factory.mktemp("engine"))
    yield running
    try:
        running.process.stdin.close()
        assert running.process.wait(10) == 0, "idle, it should end with its client"
    finally:
        running.close()


@pytest.fixture
def endless(files) -> dict:
    return {"bundle": str(files / "bundle"), "inputs": {"us": str(files / "us.nrrd")}, **ENDLESS}


def test_it_says_who_it_is_before_anything_else(engine):
    assert engine.hello == {
        "type": "hello", "protocol": protocol.PROTOCOL_VERSION, "version": mmhvae.__version__, "package": str(CORE),
        "pid": engine.process.pid,
    }  # fmt: skip
    assert engine.ready["torch"] == torch.__version__
    assert engine.ready["devices"][0] == {"name": "cpu", "label": "CPU"}
    assert engine.ready["problem"] == ""


@pytest.mark.parametrize(
    ("method", "parameters", "words"),
    [
        ("dance", {}, "no method 'dance'"),
        ("synthesize", [], "not an object"),
        ("synthesize", {}, "bundle is missing"),
        ("synthesize", {"bundle": "/nowhere", "targets": ["t2"]}, "no bundle /nowhere"),
        ("synthesize", {"bundle": 7}, "bundle is not a text"),
        ("synthesize", {"bundle": "b", "targets": "t2"}, "targets is not a list"),
        ("synthesize", {"bundle": "b", "targets": [1]}, "targets is not a text"),
        ("synthesize", {"bundle": "b", "targets": ["t2"], "samples": 2.5}, "samples is 2.5; give a whole number"),
        ("synthesize", {"bundle": "b", "targets": ["t2"], "samples": True}, "samples is True; give a whole number"),
        ("synthesize", {"bundle": "b", "targets": ["t2"], "temperature": float("nan")}, "temperature is nan"),
        ("synthesize", {"bundle": "b", "targets": ["t2"], "inputs": ["us"]}, "a path for each name"),
        ("synthesize", {"bundle": "b", "targets": ["t2"], "slice_axis": "3"}, "slice axis"),
        ("synthesize", {"bundle": "b", "targets": ["t2"], "temprature": 0.5}, "no parameter temprature"),
        ("synthesize", {"bundle": "b", "targets": ["t2"], "inputs": {"us": "u"}, "sweep": {}}, "choose one"),
        ("reconstruct", {"path": "s", "clip": [1, 2]}, "clip is [1, 2]; give 4 whole numbers"),
        ("reconstruct", {"path": "/no.mha"}, "no sequence file"),
        ("reconstruct", {"path": "s", "fill_holes": 1}, "fill holes is 1; give true or false"),
        ("self_test", {"device": "abacus"}, "use auto, cpu"),
    ],
)  # fmt: skip
def test_wrong_requests_are_refused_in_a_sentence(engine, method, parameters, words):
    engine.send(id=5, method=method, parameters=parameters)
    answer = engine.answers(5)[-1]
    assert (answer["type"], answer["kind"], answer["log"]) == ("error", "input", "")
    assert words in answer["message"]
    assert "\n" not in answer["message"]


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"id": 1}', b'{"id": "1", "method": "self_test"}', b"\xff\x00", b""])
def test_what_is_no_request_is_refused_and_the_next_one_works(engine, line):
    engine.process.stdin.write(line + b"\n")
    engine.process.stdin.flush()
    assert (refusal := engine.read())["id"] is None
    assert refusal["message"].count(".") == 1
    assert engine.ask(6, "self_test", device="cpu")["result"]["device"] == "cpu"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory) -> Path:
    """24 frames of 24 x 20 pixels of 1 mm, one mm apart."""
    path = tmp_path_factory.mktemp("sweep") / "sweep.igs.mha"
    frames = np.random.default_rng(1).integers(30, 255, (24, 20, 24)).astype(np.uint8)
    poses = np.tile(np.eye(4), (24, 1, 1))
    poses[:, 2, 3] = np.arange(24)
    write_sweep(path, Sweep(ArrayFrames(frames), poses, np.ones(24, bool), np.arange(24) / 10))
    return path


def test_a_sweep_is_reconstructed_and_can_stand_for_the_ultrasound(engine, files, sweep):
    expected = reconstruct(read_sweep(sweep), 1.0, clip=(2, 1, 20, 18), fill_holes=True)
    asked = {"path": str(sweep), "spacing": 1.0, "clip": [2, 1, 20, 18]}
    alone = engine.ask(8, "reconstruct", **asked)["result"]
    bundle = str(files / "bundle")
    both = engine.ask(9, "synthesize", bundle=bundle, sweep=asked, targets=["t2"], device="cpu")["result"]
    for result in (alone, both["reconstruction"]):
        assert (result["frames_used"], result["frames_dropped"]) == (24, 0)
        image = sitk.ReadImage(result["ultrasound"])
        assert same_grid(image, expected.volume)
        assert np.array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(expected.volume))
    assert same_grid(sitk.ReadImage(both["images"]["t2"]), expected.volume)
    assert both["settings"] == SynthesisSettings().to_json()
    assert alone["settings"] == replace(ReconstructionSettings(), spacing=1.0, clip=(2, 1, 20, 18)).to_json()


def test_cancel_stops_the_work_at_hand_and_work_not_begun(engine, endless):
    engine.send(id=10, method="synthesize", parameters=endless)
    engine.send(id=11, method="synthesize", parameters=endless)
    while engine.read()["fraction"] < 0.01:
        pass
    engine.send(method="cancel", id=11)
    while (message := engine.read())["type"] == "progress":
        assert message["id"] == 10
    assert (message["id"], message["kind"], message["message"]) == (11, "cancelled", "Cancelled.")
    engine.send(method="cancel", id=10)
    assert engine.answers(10)[-1]["kind"] == "cancelled"
    engine.send(method="cancel", id=10)  # late, and of no consequence
    assert engine.ask(12, "self_test", device="cpu")["type"] == "result"


@pytest.mark.parametrize("words", ["shutdown", "end of input"])
def test_busy_it_ends_with_its_client(tmp_path, endless, words):
    """Idle: see the end of the fixture ``engine``."""
    running = Worker(tmp_path)
    try:
        running.send(id=1, method="synthesize", parameters=endless)
        running.read()
        if words == "shutdown":
            running.send(method="shutdown")
        else:
            running.process.stdin.close()
        assert running.process.wait(10) == 0
    finally:
        running.close()


def test_without_torch_it_says_so(tmp_path):
    program = "import sys; sys.modules['torch'] = None"  # what makes an import fail
    (tmp_path / "sitecustomize.py").write_text(program)
    running = Worker(tmp_path, PYTHONPATH=str(tmp_path))
    try:
        assert running.ready["torch"] == ""
        assert "torch" in running.ready["problem"]
        assert running.ask(1, "self_test")["message"] == running.ready["problem"]
    finally:
        running.close()


class Sink:
    """A channel that keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[dict] = []

    def send(self, message: dict) -> None:
        self.messages.append(message)

    def lines(self):
        return iter(())


@pytest.fixture
def inbox() -> worker.Inbox:
    inbox = worker.Inbox(Sink())
    inbox._accept({"id": 1, "method": "self_test"})
    return inbox


def test_progress_is_thinned_out_but_never_a_new_matter(inbox):
    sink = Sink()
    report = worker.Reporter(sink, inbox, 1)
    for index in range(1000):
        report(index / 1000, f"slice {index} of 1000")
    report(0.05, "the GPU's memory is full, going on with the CPU")
    texts = [message["message"] for message in sink.messages]
    assert len(texts) < 20
    assert texts[0] == "slice 0 of 1000"
    assert texts[-1].startswith("the GPU's memory")
    inbox._accept({"id": 1, "method": "cancel"})
    with pytest.raises(Cancelled):
        report(0.5, "slice 1 of 1000")


@pytest.mark.parametrize(
    ("error", "kind", "usable"),
    [
        (InputError("Two\nlines."), "input", True),
        (Cancelled(), "cancelled", True),
        (torch.OutOfMemoryError("CUDA out of memory"), "input", True),
        (MemoryError(), "input", True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "input", True),
        (ZeroDivisionError("x"), "defect", True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), "defect", False),
    ],
    ids=repr,
)
def test_what_goes_wrong_is_one_sentence_and_a_poisoned_process_is_given_up(inbox, error, kind, usable):
    def run(request):
        raise error

    answer, still_usable = worker._answer({"id": 1, "method": "self_test"}, run, inbox)
    assert (answer["kind"], still_usable) == (kind, usable)
    assert "\n" not in answer["message"]
    assert ("Traceback" in answer["log"]) == (not isinstance(error, (InputError, Cancelled)))


def test_registration_goes_on_with_the_cpu_where_the_gpu_is_full():
    reports, tried = [], []

    def work(device: torch.device) -> str:
        tried.append(device.type)
        if device.type == "cuda":
            raise torch.OutOfMemoryError
        return "done"

    answer = where_it_fits(work, torch.device("cuda"), lambda fraction, message: reports.append(message))
    assert answer == ("done", torch.device("cpu"))
    assert tried == ["cuda", "cpu"]
    assert "memory is full" in reports[0]


def test_bundles_stay_warm_until_their_files_change(files, tmp_path):
    cache = BundleCache()
    torch.manual_seed(1)
    other = save_bundle(
        Bundle(MMHVAE(CONFIG).eval(), Manifest("other", CONFIG, 1.0, "MIT", "tests"), ""), tmp_path / "other"
    )
    first, warm = cache.load(files / "bundle")
    assert not warm
    assert cache.load(other)[1] is False
    assert cache.load(files / "bundle") == (first, True)
    os.utime(other / "model.safetensors", ns=(1, 1))
    assert cache.load(other)[1] is False
    (other / "bundle.json").unlink()
    with pytest.raises(InputError, match="not a bundle"):
        cache.load(other)


@pytest.mark.parametrize("broken", ["_network_difference", "_gradient_difference"])
@pytest.mark.parametrize("difference", [0.5, float("nan"), RuntimeError("CUDA error: no kernel image\nmore")])
def test_a_device_that_fails_or_errs_is_refused(monkeypatch, broken, difference):
    def measured(device: torch.device) -> float:
        if isinstance(difference, Exception):
            raise difference
        return difference

    monkeypatch.setattr(f"mmhvae.tasks.self_test.{broken}", measured)
    with pytest.raises(InputError, match=r"^The device cpu [^\n]*use the CPU[^\n]*\.$"):
        self_test("cpu")


def test_the_channel_is_whole_lines_from_any_thread():
    read, write = os.pipe()
    channel = protocol.Pipes(io.BytesIO(), os.fdopen(write, "wb"))
    threads = [
        threading.Thread(target=lambda n=n: [channel.send({"id": n, "text": "x" * 999}) for _ in range(20)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    with open(read, "rb") as stream:
        received = [protocol.decode(stream.readline()) for _ in range(80)]
    for thread in threads:
        thread.join()
    assert sorted(message["id"] for message in received) == sorted([0, 1, 2, 3] * 20)


def test_parameters_have_defaults_and_null_is_one():
    parameters = Parameters({"name": None, "pixel_width": 2, "seed": 7})
    assert parameters.text("name", "tiny") == "tiny"
    assert parameters.number("pixel_width", 0.5) == 2
    assert parameters.settings(SynthesisSettings) == SynthesisSettings(seed=7)
    parameters.finish()


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    context = Context(BundleCache(), tmp_path / "1", lambda fraction, message: None)
    image = image_on(np.ones((4, 4, 4), np.float32), sitk.Image((4, 4, 4), sitk.sitkUInt8))
    monkeypatch.setattr(sitk, "WriteImage", lambda image, path, **_: Path(path).write_bytes(b"half"))
    with pytest.raises(InputError, match="free some space"):
        context.write(image, "t2")
