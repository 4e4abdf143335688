"""A program of its own that installs Python packages with pip: ``python -m MMHVAESynthesisLib.setup.package_install``.

    ... wheels LIST FOLDER         offline, from the wheels of LIST in FOLDER, every checksum verified
    ... index REQUIREMENT ...      from the package index that pip is set up for

It runs in the interpreter that is to get the packages, and tells what it does in JSON lines on standard output; pip's
own words go to standard error. Everything is checked before anything is changed, and then it waits for the word ``go``
on standard input: whoever asked may have cancelled, and have killed no more than a launcher. If pip fails all the same,
what was not there before is removed again.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from mmhvae.exceptions import InputError

from .wheel_list import WheelList, altered, missing, read_wheel_list

#: pip of this interpreter; nobody is there to be asked.
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-color")
#: Bytes that the disk must have to spare after the installation.
SPARE = 100 << 20
MOST_NAMED = 3
STOPPED = 3  # exit status: nothing was changed


def install_wheels(wanted: WheelList, folder: Path) -> None:
    """Install the wheels of the list.

    Raises:
        InputError: they are not all there, not what they should be, do not fit, or pip fails.
    """
    absent = missing(wanted, folder)
    if absent:
        raise InputError(f"{folder} lacks {_named([wheel.file for wheel in absent])}; add what is missing.")
    say(0.0, "checking the files")
    wrong = altered(wanted, folder, lambda share: say(0.4 * share, "checking the files"))
    if wrong:
        raise InputError(f"{_named([wheel.file for wheel in wrong])} in {folder} was altered; fetch it again.")
    _require_room(sum(_unpacked_size(folder / wheel.file) for wheel in wanted.wheels))
    source = ["--isolated", "--no-index", "--find-links", str(folder.absolute()), "--require-hashes"]
    _install([*source, "--requirement", str(wanted.path)], [wheel.name for wheel in wanted.wheels])


def install_from_index(requirements: Sequence[str]) -> None:
    """Install what satisfies the requirements.

    Raises:
        InputError: pip fails.
    """
    _require_room(0)
    _install(["--only-binary", ":all:", *requirements], [])


def _install(arguments: Sequence[str], names: Sequence[str]) -> None:
    say(0.45, "asking pip what is to be done")
    _pip("install", "--dry-run", *arguments)
    before, entries_before = _installed(), _entries()
    _tell({"type": "ready"})
    if sys.stdin.readline().strip() != "go":
        sys.exit(STOPPED)
    say(0.5, "installing")
    try:
        _pip("install", "--no-compile", *arguments)
    except InputError:
        say(0.9, "removing what was installed")
        _remove(_installed() - before)
        _delete(_entries() - entries_before)  # pip forgets the package at which it failed
        raise
    lacking = {_plain(name) for name in names} - _installed()
    if lacking:
        raise InputError(f"pip did not install {_named(sorted(lacking))}; see the details.")


def _pip(*arguments: str) -> None:
    """Run pip; its last words are the reason where it fails."""
    done = subprocess.run(
        [*PIP, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
    print(done.stdout, file=sys.stderr, flush=True)
    if done.returncode:
        raise InputError(_reason(done.stdout))


def _reason(output: str) -> str:
    text = output.lower()
    if "no space left" in text or "file too large" in text or "disk quota" in text:
        return f"There is no room for the packages in {_place()}; free some space and try again."
    if "do not match the hashes" in text:
        return "The checksum of a package is wrong; get it again."
    if "no matching distribution" in text or "connection" in text or "name resolution" in text:
        return "The packages cannot be had; check the network, or install from a folder of wheels."
    errors = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")]
    return f"pip could not install the packages ({errors[-1].rstrip('.') if errors else 'it gave no reason'})."


def _remove(packages: set[str]) -> None:
    if packages:
        subprocess.run([*PIP, "uninstall", "--yes", *sorted(packages)], stdout=sys.stderr, check=False)


def _entries() -> set[Path]:
    """Everything in the folders that packages are installed in."""
    folders = {Path(_place()), Path(sysconfig.get_path("purelib"))}
    return {path for folder in folders for path in folder.iterdir()}


def _delete(entries: set[Path]) -> None:
    for path in entries:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _require_room(size: int) -> None:
    place = _place()
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise InputError(f"{place} cannot be written; start the program as somebody who may, and try again.") from error
    free = shutil.disk_usage(place).free
    if free < size + SPARE:
        raise InputError(
            f"There is no room for the packages in {place}; free {(size + SPARE - free) / 1e9:.1f} GB there."
        )


def _place() -> str:
    return sysconfig.get_path("platlib")


def _unpacked_size(wheel: Path) -> int:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"{wheel} is no wheel; fetch it again.") from error


def _installed() -> set[str]:
    importlib.invalidate_caches()
    found = importlib.metadata.distributions(path=[_place(), sysconfig.get_path("purelib")])
    return {_plain(name) for each in found if (name := each.metadata["Name"])}


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def say(fraction: float, message: str) -> None:
    """Tell how far the work is."""
    _tell({"type": "progress", "fraction": fraction, "message": message})


def _tell(message: dict[str, object]) -> None:
    print(json.dumps(message), flush=True)


def main(arguments: Sequence[str]) -> int:
    """Run the program, and return its exit status: 0 done, 2 not possible, 3 stopped before anything was changed."""
    try:
        if arguments[0] == "wheels":
            install_wheels(read_wheel_list(Path(arguments[1])), Path(arguments[2]))
        else:
            install_from_index(arguments[1:])
    except InputError as error:
        _tell({"type": "failed", "message": " ".join(str(error).split())})
        return 2
    _tell({"type": "done"})
    return 0


if __name__ == "__main__":
    os.environ["PYTHONNOUSERSITE"] = "1"  # for the program that asked, not for this user's other ones
    sys.exit(main(sys.argv[1:]))
