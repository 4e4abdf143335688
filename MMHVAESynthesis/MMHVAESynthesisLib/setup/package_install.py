"""A program of its own that installs wheels on a closed network, from those of LIST in FOLDER.

    python -m MMHVAESynthesisLib.setup.package_install LIST FOLDER REQUIREMENT ...

It runs in the interpreter that is to get the packages, and tells what it does in JSON lines on standard output; pip's
own words go to standard error. What the interpreter has stays as it is: pip is held to those versions, and only what
is not there at all is installed. Everything is checked before anything is changed, and then it waits for the word
``go`` on standard input: whoever asked may have cancelled, and have killed no more than a launcher. The packages are
made ready apart (:mod:`.staging`), so that a failure leaves the interpreter exactly as it was.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from mmhvae.exceptions import InputError

from .environment import installed, packages_folder, pinned, plain, require_room
from .staging import new_stage
from .wheel_list import Wheel, WheelList, altered, missing, read_wheel_list

#: pip of this interpreter; nobody is there to be asked.
PIP = (sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--no-input", "--no-color")
MOST_NAMED = 3
STOPPED = 3  # exit status: nothing was changed


def install_wheels(wanted: WheelList, folder: Path, requirements: Sequence[str]) -> None:
    """Install those wheels of the list that ``requirements`` need and the interpreter lacks.

    Raises:
        InputError: they are not all there, not what they should be, do not fit what is there, or pip fails.
    """
    absent = missing(wanted, folder)
    if absent:
        raise InputError(f"{folder} lacks {_named([wheel.file for wheel in absent])}; add what is missing.")
    say(0.0, "checking the files")
    wrong = altered(wanted, folder, lambda share: say(0.4 * share, "checking the files"))
    if wrong:
        raise InputError(f"{_named([wheel.file for wheel in wrong])} in {folder} was altered; fetch it again.")
    sizes = {wheel.file: _unpacked_size(folder / wheel.file) for wheel in wanted.wheels}
    say(0.45, "asking pip what is to be done")
    chosen = plan(wanted, folder, requirements)
    require_room(sum(sizes[wheel.file] for wheel in chosen))
    if chosen:
        _wait_for_go()
        _install(chosen, folder)


def plan(wanted: WheelList, folder: Path, requirements: Sequence[str]) -> list[Wheel]:
    """The wheels that pip would install where nothing that is there may change.

    Raises:
        InputError: there is no such way.
    """
    present = installed()
    listed = {plain(wheel.name): wheel for wheel in wanted.wheels}
    versions = {**{name: wheel.version for name, wheel in listed.items()}, **present}
    with tempfile.TemporaryDirectory() as temporary:
        constraints, report = Path(temporary, "constraints.txt"), Path(temporary, "report.json")
        constraints.write_text(pinned(versions), encoding="utf-8")
        options = ["--dry-run", "--report", str(report), "--constraint", str(constraints)]
        _pip("install", *options, *_offline(folder), *requirements)
        steps = json.loads(report.read_text(encoding="utf-8"))["install"]
    names = {plain(step["metadata"]["name"]) for step in steps}
    if not names <= listed.keys() - present.keys():
        strange = sorted(names - (listed.keys() - present.keys()))
        raise InputError(f"pip would have to change {_named(strange)}, which belongs to Slicer; nothing was done.")
    return [listed[name] for name in sorted(names)]


def _install(chosen: Sequence[Wheel], folder: Path) -> None:
    say(0.5, "installing")
    with new_stage() as stage, tempfile.TemporaryDirectory() as temporary:
        requirements = Path(temporary, "requirements.txt")
        lines = [f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}" for wheel in chosen]
        requirements.write_text("\n".join(lines), encoding="utf-8")
        how = ["--no-deps", "--ignore-installed", "--no-compile", "--no-warn-script-location", "--require-hashes"]
        _pip("install", *how, *_offline(folder), "--prefix", str(stage.tree), "--requirement", str(requirements))
        say(0.95, "moving the packages into place")
        stage.move_in()
    lacking = {plain(wheel.name) for wheel in chosen} - installed().keys()
    if lacking:
        raise InputError(f"pip did not install {_named(sorted(lacking))}; see the details.")


def _offline(folder: Path) -> list[str]:
    return ["--no-index", "--find-links", str(folder.absolute())]


def _wait_for_go() -> None:
    _tell({"type": "ready"})
    if sys.stdin.readline().strip() != "go":
        sys.exit(STOPPED)


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
    held = re.findall(r"user requested \(constraint\) (\S+)", output)
    if held:
        names = _named(sorted(set(held)))
        return f"These wheels do not fit what is installed ({names}); get the list for this Slicer, or uninstall that."
    if "no space left" in text or "file too large" in text or "disk quota" in text:
        return f"There is no room for the packages in {packages_folder()}; free some space and try again."
    if "do not match the hashes" in text:
        return "The checksum of a package is wrong; get it again."
    if "no matching distribution" in text:
        return "The packages cannot be had from this folder alone; get the list for this Slicer, and its wheels."
    errors = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")]
    return f"pip could not install the packages ({errors[-1].rstrip('.') if errors else 'it gave no reason'})."


def _unpacked_size(wheel: Path) -> int:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"{wheel} is no wheel; fetch it again.") from error


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
    listed, folder, *requirements = arguments
    try:
        install_wheels(read_wheel_list(Path(listed)), Path(folder), requirements)
    except InputError as error:
        _tell({"type": "failed", "message": " ".join(str(error).split())})
        return 2
    _tell({"type": "done"})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
