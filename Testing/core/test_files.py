"""Written whole or not at all: whatever fails, the earlier file is untouched and nothing else is left."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from mmhvae import files
from mmhvae.exceptions import InputError
from mmhvae.files import require_writable, whole_file, whole_files, whole_folder, write_bytes, write_text
from mmhvae.write_faults import not_written

OLD, NEW = b"earlier" * 100, b"new" * 5000
#: How a writer can fail, and the words of the sentence.
FAULTS = {
    "full": (
        OSError(errno.ENOSPC, "No space left on device"),
        "takes no more files or data; free some space there, or",
    ),
    "quota": (OSError(errno.EDQUOT, "Disk quota exceeded"), "your quota for .* is used up"),
    "too large": (OSError(errno.EFBIG, "File too large"), "larger than its disk takes"),
    "forbidden": (OSError(errno.EACCES, "Permission denied"), "check the permissions and the free space"),
    "read-only": (OSError(errno.EROFS, "Read-only file system"), "its disk is read-only"),
    "ITK's": (None, "check the permissions and the free space"),
}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fail(target: Path, temporary: Path, error: OSError | None) -> None:
    assert temporary.name.endswith(".nii.gz")
    temporary.write_bytes(NEW)
    raise error or not_written(target, RuntimeError("writing failed"))


@pytest.mark.parametrize("fault", FAULTS)
def test_the_earlier_file_outlives_a_fault(tmp_path, fault):
    error, words = FAULTS[fault]
    target = tmp_path / "a.nii.gz"
    target.write_bytes(OLD)
    with pytest.raises(InputError, match=f"{words}.*the earlier one is untouched"), whole_file(target) as temporary:
        fail(target, temporary, error)
    with pytest.raises(InputError, match=words) as caught, whole_file(tmp_path / "b.nii.gz") as temporary:
        fail(tmp_path / "b.nii.gz", temporary, error)
    assert "untouched" not in str(caught.value)
    assert (names(tmp_path), target.read_bytes()) == (["a.nii.gz"], OLD)


@pytest.mark.parametrize("room", [0, 1, 4096, len(NEW) - 1])
def test_a_full_disk_at_any_byte(tmp_path, full_disk, room):
    target = tmp_path / "a.json"
    target.write_bytes(OLD)
    with full_disk(room), pytest.raises(InputError, match="no file may be larger than"):
        write_bytes(NEW, target)
    with (
        full_disk(room),
        pytest.raises(InputError, match="no file may be larger than"),
        whole_folder(tmp_path / "f") as folder,
    ):
        (folder / "x").write_bytes(NEW)
    assert (names(tmp_path), target.read_bytes()) == (["a.json"], OLD)


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_other_exceptions_pass_and_leave_nothing(tmp_path, kind):
    with pytest.raises(kind), whole_file(tmp_path / "a"):
        raise kind
    with pytest.raises(kind), whole_folder(tmp_path / "b"):
        raise kind
    with pytest.raises(InputError, match=r"b/x is wrong"), whole_folder(tmp_path / "b") as folder:
        raise InputError(f"{folder}/x is wrong")
    assert names(tmp_path) == []


def test_several_files_appear_together_or_not_at_all(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    with whole_files([a, b]) as temporaries:
        temporaries[a].write_text("a")
        temporaries[b].write_text("b")
        assert not a.exists()
    b.unlink()
    b.mkdir()
    with pytest.raises(InputError, match="a folder has that name"), whole_files([a, b]) as temporaries:
        raise AssertionError("never reached")
    assert (names(tmp_path), a.read_text()) == (["a", "b"], "a")


@pytest.mark.parametrize(
    ("mask", "file", "folder"), [(0o077, 0o600, 0o700), (0o022, 0o644, 0o755), (0o002, 0o664, 0o775)]
)
def test_permissions_are_what_the_umask_leaves(tmp_path, mask, file, folder):
    before = os.umask(mask)
    try:
        write_text("x", tmp_path / "a")
        with whole_folder(tmp_path / "b") as temporary:
            write_text("x", temporary / "c")
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "b/c", "b")]
    assert modes == [file, file, folder]


def test_legal_names_work_however_long_and_longer_ones_are_a_sentence(tmp_path):
    longest = tmp_path / ("a" * 251 + ".tfm")
    write_text("x", longest)
    assert longest.read_text() == "x"
    for name in ("b" * 252 + ".tfm", "é" * 126 + ".tfm"):
        with pytest.raises(InputError, match="too long"):
            write_text("x", tmp_path / name)
        with pytest.raises(InputError, match="too long"):
            require_writable(tmp_path, [name])
    assert names(tmp_path) == [longest.name]


@pytest.mark.skipif(os.name == "nt", reason="names there are no bytes")
def test_names_of_any_bytes(tmp_path):
    folder = tmp_path / os.fsdecode(b"r\xe9sultat")
    target = folder / os.fsdecode(b"\xff\xfe.nii.gz")
    write_bytes(NEW, target)
    assert (target.read_bytes(), len(names(folder))) == (NEW, 1)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_bytes(OLD)
    (tmp_path / "link").symlink_to("real")
    write_bytes(NEW, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == NEW


def test_a_link_may_lead_to_another_folder_or_file_system(tmp_path):
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as other:
        target = Path(other) / "data"
        (tmp_path / "link.nii.gz").symlink_to(target)
        for content in (OLD, NEW):
            with whole_file(tmp_path / "link.nii.gz") as temporary:
                assert temporary.name.endswith(".nii.gz")
                temporary.write_bytes(content)
            assert (target.read_bytes(), names(Path(other)), names(tmp_path)) == (content, ["data"], ["link.nii.gz"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes among its files")
def test_what_is_no_ordinary_file_or_protected_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to(os.devnull)
    (tmp_path / "protected").write_bytes(OLD)
    (tmp_path / "protected").chmod(0o444)
    for name, words in (("pipe", "no ordinary file"), ("null", "no ordinary file"), ("protected", "protected")):
        for call in (
            lambda name=name: write_text("x", tmp_path / name),
            lambda name=name: require_writable(tmp_path, [name]),
        ):
            with pytest.raises(InputError, match=words):
                call()
    assert (names(tmp_path), (tmp_path / "protected").read_bytes()) == (["null", "pipe", "protected"], OLD)


def test_what_fails_leaves_no_new_folder(tmp_path):
    """Neither the check before the work, nor a file or folder that cannot be written; what was there stays."""
    (tmp_path / "there").mkdir()
    for base in (tmp_path, tmp_path / "there"):
        require_writable(base / "a" / "b", ["x.nii.gz"])
        with pytest.raises(InputError, match="too long"):
            require_writable(base / "a" / "b", ["x" * 300])
        for whole in (whole_file, whole_folder):
            with pytest.raises(InputError, match="no memory"), whole(base / "a" / "b" / "x"):
                raise InputError("There is no memory.")
    assert (names(tmp_path), names(tmp_path / "there")) == (["there"], [])
    write_bytes(NEW, tmp_path / "a" / "b" / "x")
    with pytest.raises(InputError, match="full"), whole_file(tmp_path / "a" / "c" / "x"):
        raise InputError("The disk is full.")
    assert names(tmp_path / "a") == ["b"]


def test_folders_are_new_or_empty_unless_they_may_be_replaced(tmp_path):
    (tmp_path / "f").mkdir()
    with whole_folder(tmp_path / "f") as temporary:
        (temporary / "one").write_text("1")
    with pytest.raises(InputError, match="not empty"), whole_folder(tmp_path / "f") as temporary:
        (temporary / "two").write_text("2")
    assert names(tmp_path / "f") == ["one"]
    with whole_folder(tmp_path / "f", replace=True) as temporary:
        (temporary / "two").write_text("2")
    assert (names(tmp_path), names(tmp_path / "f")) == (["f"], ["two"])


def test_what_was_left_a_day_ago_goes_and_what_is_not_ours_stays(tmp_path):
    long_ago = time.time() - 2 * 24 * 3600
    for name in (".writing-0123456789ab.nii.gz", ".writing-notes.txt", ".writing-0123456789ac.mha"):
        (tmp_path / name).write_text("x")
        if not name.endswith("ac.mha"):
            os.utime(tmp_path / name, (long_ago, long_ago))
    write_text("x", tmp_path / "a")
    assert names(tmp_path) == [".writing-0123456789ac.mha", ".writing-notes.txt", "a"]


def test_other_threads_can_write(tmp_path):
    thread = threading.Thread(target=write_text, args=("x", tmp_path / "a"))
    thread.start()
    thread.join()
    assert (names(tmp_path), files._unfinished) == (["a"], {})


#: Writes without end, in children that a signal ends at a random moment; prints what it found in the folder.
STORM = """
import os, random, signal, sys, time
from pathlib import Path
from mmhvae.files import whole_files, whole_folder
folder, random = Path(sys.argv[1]), random.Random(0)
a, b, made = folder / "a.nii.gz", folder / "b.mha", folder / "made"

def write():
    for number in range(10**9):
        with whole_files([a, b]) as temporaries:
            for temporary in temporaries.values():
                with temporary.open("w") as stream:
                    for _ in range(20):
                        stream.write(f"{number:09d}" * 50)
                        stream.flush()
        with whole_folder(made, replace=True) as temporary:
            (temporary / "x").write_text("x" * 9)

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a program in the background inherits that they are ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
heard, told = os.pipe()
for turn in range(int(sys.argv[2])):
    ending = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT][turn % 3]
    child = os.fork()
    if not child:
        try:
            os.write(told, b"x")
            write()
        except KeyboardInterrupt:
            sys.exit(130)
    os.read(heard, 1)  # Python forgets a signal that comes while it is being forked
    time.sleep(random.random() * 0.03)
    os.kill(child, ending)
    _, state = os.waitpid(child, 0)
    ended = os.WTERMSIG(state) == ending if os.WIFSIGNALED(state) else os.WEXITSTATUS(state) == 130
    contents = {path.read_text() for path in (a, b)} if a.exists() else {"0" * 9000}
    whole = len(contents) == 1 and len(contents.pop()) == 9000
    left = sorted(path.name for path in folder.iterdir())
    print(ended, whole, [name for name in left if name not in ("a.nii.gz", "b.mha", "made")], flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system ends its programs otherwise")
def test_a_signal_at_any_moment_leaves_whole_files_and_nothing_else():
    turns, memory = 36, Path("/dev/shm")  # where fsync waits for no disk
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        done = subprocess.run(
            [sys.executable, "-c", STORM, folder, str(turns)], capture_output=True, text=True, timeout=120,
            env=os.environ | {"PYTHONPATH": str(Path(files.__file__).parents[1])},
        )  # fmt: skip
    lines = done.stdout.splitlines()
    assert (len(lines), done.returncode) == (turns, 0), done.stderr
    assert set(lines) == {"True True []"}, lines
