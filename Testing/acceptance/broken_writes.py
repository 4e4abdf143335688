"""End real commands by signals at random moments, and look for lost and half files, and for what stays behind.

python Testing/acceptance/broken_writes.py --signals 100 --output Testing/acceptance/results

SIGTERM, SIGHUP and SIGINT in turn, through every kind of command that writes (see ``writing_commands.py``), each in a
child of its own: at any moment from its start, and every other time within milliseconds of the first file being begun.
An earlier result lies in the folder two times out of five. Full disks and limits are in the tests
(``Testing/core/commands/test_write_faults.py``). Writes ``broken-writes.md``. Needs fork, and so Linux or macOS.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported

from writing_commands import WritingCommand, commands_of, faults_in, make_inputs

ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
CANCELLED, LONGEST, MOST_DELAY = 130, 120.0, 0.01
#: Tries for each signal that is to come in time.
PATIENCE = 5


@dataclass(frozen=True)
class Ending:
    """How a command ended, and what was wrong afterwards."""

    kind: str
    signal: str
    status: int
    is_honest: bool
    faults: tuple[str, ...]


def apart(work: object, *arguments: object) -> None:
    """Call ``work`` in a process of its own: ITK's threads do not outlive a fork."""
    child = os.fork()
    if not child:
        work(*arguments)  # type: ignore[operator]
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("The inputs could not be made.")


def begin(command: WritingCommand, folder: Path, scratch: Path) -> int:
    """Start the command in a child, whose number is given; its words go to ``scratch``."""
    from mmhvae import files
    from mmhvae.cli import main

    child = os.fork()
    if child:
        return child
    try:
        os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
        words = os.open(scratch.with_suffix(".txt"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(words, number)
        status = main(command.into(folder))
        files._remove_unfinished()  # what a program that was not forked calls at its end
        os._exit(status)
    except KeyboardInterrupt:  # before it was called
        os._exit(CANCELLED)


def wait_for_writing(child: int, folder: Path) -> None:
    """Until the first file is begun, or the child has ended."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end and not any(folder.glob(".writing-*")):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.001)


def ended(command: WritingCommand, kind: str, number: int, places: tuple[Path, Path], moment: float | None) -> Ending:
    """Run the command and end it: ``moment`` seconds after its start, or, without one, once it writes."""
    folder, scratch = places
    earlier = {name: (folder / name).read_bytes() for name in command.files if (folder / name).exists()}
    child = begin(command, folder, scratch)
    if moment is None:
        wait_for_writing(child, folder)
    time.sleep(random.random() * MOST_DELAY if moment is None else moment)
    ending = ENDINGS[number % 3]
    os.kill(child, ending)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    wanted = {0, CANCELLED if ending == signal.SIGINT else -ending}
    said = scratch.with_suffix(".txt").read_text(errors="replace")
    faults = faults_in(folder, command, earlier)
    left = [name for name in os.listdir(scratch) if not name.startswith("torchinductor")]  # torch's own cache
    faults += [f"{name} stays in the temporary folder" for name in left]
    faults += ["a traceback"] if "Traceback" in said else []
    if status == 0 and not all((folder / name).exists() for name in command.files):
        faults.append("status 0 without all results")
    return Ending(kind, ending.name, status, status in wanted, tuple(faults))


def durations(commands: Mapping[str, WritingCommand], folder: Path) -> dict[str, float]:
    """Seconds that each command takes, undisturbed; its results stay in a folder of its name."""
    seconds = {}
    for kind, command in commands.items():
        scratch = folder / "scratch"
        scratch.mkdir(exist_ok=True)
        started = time.monotonic()
        status = os.waitstatus_to_exitcode(os.waitpid(begin(command, folder / "good" / kind, scratch), 0)[1])
        seconds[kind] = time.monotonic() - started
        if status:
            raise SystemExit(f"{kind} failed undisturbed: {scratch.with_suffix('.txt').read_text()}")
    return seconds


def endings(count: int, seed: int, root: Path) -> list[Ending]:
    """Commands, of which ``count`` were ended; the others had finished before their signal."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a program in the background inherits that they are ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed(seed)
    (root / "inputs").mkdir()
    apart(make_inputs, root / "inputs")
    commands = commands_of(root / "inputs")
    seconds, found = durations(commands, root), []
    for number in range(PATIENCE * count):
        if sum(ending.status != 0 for ending in found) == count:
            break
        kind = list(commands)[number % len(commands)]
        folder, scratch = root / f"{number}" / "results", root / f"{number}" / "scratch"
        folder.mkdir(parents=True)
        scratch.mkdir()
        if number % 5 < 2:
            for name in commands[kind].files:
                (folder / name).write_bytes((root / "good" / kind / name).read_bytes())
        moment = random.random() * seconds[kind] if number % 2 else None
        found.append(ended(commands[kind], kind, number, (folder, scratch), moment))
    return found


def table(found: list[Ending], seed: int) -> str:
    """The results in words."""
    hits = sum(ending.status != 0 for ending in found)
    lines = ["# Commands ended while they wrote", ""]
    lines += [f"{len(found)} signals at random moments, seed {seed}, of which {hits} came before the end.", ""]
    columns = ("ended by the signal", "finished before it", "dishonest status", "faults")
    lines += ["| command | signals | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    counts: dict[str, Counter[str]] = {}
    for ending in found:
        count = counts.setdefault(ending.kind, Counter())
        count["signals"] += 1
        count[columns[1] if ending.status == 0 else columns[0]] += ending.is_honest
        count[columns[2]] += not ending.is_honest
        count[columns[3]] += len(ending.faults)
    for kind, count in counts.items():
        lines.append(f"| {kind} | " + " | ".join(str(count[name]) for name in ("signals", *columns)) + " |")
    wrong = [ending for ending in found if ending.faults or not ending.is_honest]
    lines += ["", f"{len(wrong)} of {len(found)} left something wrong.", ""]
    lines += [f"- {e.kind}, {e.signal}, status {e.status}: {'; '.join(e.faults) or 'status'}" for e in wrong]
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--signals", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("acceptance-output"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = endings(options.signals, options.seed, Path(folder))
    text = table(found, options.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "broken-writes.md").write_text(text, encoding="utf-8")
    print(text)
    return 1 if any(ending.faults or not ending.is_honest for ending in found) else 0


if __name__ == "__main__":
    sys.exit(main())
