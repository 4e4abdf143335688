"""What several tests share: where the golden values and the shared data lie, and random oblique grids."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported
if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores: more threads would only get in their way
    for threads in ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
        os.environ.setdefault(threads, "1")

import numpy as np
import pytest
import SimpleITK as sitk

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first, whichever process takes them."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(autouse=True)
def same_threads():
    """A test leaves torch as many threads as it found: scripts of Training start a process a thread."""
    before = _threads()
    yield
    if before is not None and _threads() != before:
        sys.modules["torch"].set_num_threads(before)


def _threads() -> int | None:
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch and hasattr(torch, "get_num_threads") else None


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of the golden checkpoint and values."""
    return REPOSITORY / "Testing" / "golden"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data beside the checkout; tests that need it are skipped where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the real data in {folder}, which is not part of the repository")
    return folder


@pytest.fixture
def oblique():
    """``oblique(seed, size)``: an empty image with random spacing, origin and direction, left-handed for odd seeds."""

    def make(seed: int, size: tuple[int, int, int] = (40, 36, 44)) -> sitk.Image:
        rng = np.random.default_rng(seed)
        direction, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        if (np.linalg.det(direction) < 0) != bool(seed % 2):
            direction[:, 0] *= -1
        image = sitk.Image(size, sitk.sitkFloat32)
        image.SetSpacing(rng.uniform(0.5, 1.4, 3).tolist())
        image.SetOrigin(rng.uniform(-80, 80, 3).tolist())
        image.SetDirection(direction.ravel().tolist())
        return image

    return make


@pytest.fixture
def full_disk():
    """``with full_disk(room)``: no file grows beyond ``room`` bytes, as a full disk looks to a program."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def full(room: int):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the system refuses to write, and kills nobody
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)

    return full


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory):
    """``tiny_bundle(config)``: the folder of a bundle with random weights, the same every time."""

    def make(config) -> Path:
        import torch
        from mmhvae.bundle.bundle import Bundle, Manifest, save_bundle
        from mmhvae.network.model import MMHVAE

        torch.manual_seed(0)
        made = Bundle(MMHVAE(config).eval(), Manifest("tiny", config, 1.0, "MIT", "tests"), "# Tiny\n")
        return save_bundle(made, tmp_path_factory.mktemp("bundles") / "tiny")

    return make


@pytest.fixture
def run(capfd):
    """``run(*arguments)`` of the command line -> status, standard output, standard error (that of C libraries too)."""
    from mmhvae.cli import main

    def call(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        return (status, *capfd.readouterr())

    return call
