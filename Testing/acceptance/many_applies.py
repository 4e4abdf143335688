"""Fifty Applies and twenty Registers of the demo's full size, each with other inputs, and what they leave behind.

Through the rig, with the real engine: processes, files, nodes and memory have to be as they were after the third.
Before each Apply the sweep's file is written anew with other pixels; before each Register also the MRs are removed and
loaded again. About half an hour on one core; a line a turn goes to the standard output.

python Testing/acceptance/many_applies.py --output Testing/acceptance/results/many-applies.json
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing" / "rig"), *(str(ROOT / f"MMHVAE{name}") for name in ("Synthesis", "Registration"))]
WARM_UP = 3  # turns before the first count: nodes and caches that are made once
#: MiB that memory may have grown by since; one image of a run is 14, and a run has nine of them.
ROOM = 40
_DATA = b"ElementDataFile = LOCAL\n"


def main() -> None:
    """Read the command line, press Apply and Register again and again, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--applies", type=int, default=50, help="0: none, and what the output tells of them stays")
    parser.add_argument("--registers", type=int, default=20, help="0: none, as for Applies")
    parser.add_argument("--samples", type=int, help="of the synthesis; by default as the demo has them")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        found = press_all(arguments, Path(folder))
    told = json.loads(arguments.output.read_text()) if arguments.output.is_file() else {}
    told |= {name: turns | where() for name, turns in found.items()}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    grown = [f"{name}: {what}" for name, turns in found.items() for what in left_behind(turns)]
    if grown:
        sys.exit(f"left behind: {', '.join(grown)}")


def left_behind(turns: dict[str, Any]) -> list[str]:
    """What there is more of after all turns than after the third."""
    before, after = turns["after_third"], turns["after_last"]
    grown = [name for name in ("nodes", "processes", "files") if after[name] > before[name]]
    return grown + [name for name in ("own_mib", "engine_mib") if after[name] > before[name] + ROOM]


def press_all(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Load the demo by its button, and work with both panels as a user would."""
    import rig

    rig.start()
    synthesis = rig.load_module("MMHVAESynthesis").self()
    rig.click(synthesis.ui.demoButton)
    sweep = Sweep(Path(synthesis.parameters.sweepPath), folder / "sweep.igs.mha")
    choose_sweep(synthesis, sweep.path)
    found = {}
    if arguments.applies:
        synthesis.parameters.samples = arguments.samples or synthesis.parameters.samples
        found["apply"] = press(synthesis, synthesis.ui.applyButton, sweep.renew, arguments.applies, folder)
    registration = rig.load_module("MMHVAERegistration").self()
    choose_sweep(registration, sweep.path)

    def renew() -> None:
        sweep.renew()
        load_mrs_again(registration)

    if arguments.registers:
        registration.parameters.samples = arguments.samples or registration.parameters.samples
        found["register"] = press(registration, registration.ui.registerButton, renew, arguments.registers, folder)
    registration.cleanup()
    synthesis.cleanup()
    return found


def press(panel: Any, button: Any, renew: Callable[[], None], count: int, folder: Path) -> dict[str, Any]:
    """Press the button again and again, each time with other inputs; what there was after the third and the last."""
    import rig

    states, seconds = [], []
    for turn in range(WARM_UP + count):
        renew()
        rig.wait_until(lambda: button.isEnabled() and panel.logic.engine.readiness is not None, 120)
        started = time.monotonic()
        rig.click(button)
        rig.wait_until(lambda: not panel.logic.is_running, 1800)
        seconds.append(time.monotonic() - started)
        assert "Done" in panel.ui.progressLabel.text, rig.shown_text(panel.ui.stateLabel)
        states.append(state(panel, folder))
        print(button.text, turn + 1, f"{seconds[-1]:.1f} s", json.dumps(states[-1]), flush=True)
    middle = round(sorted(seconds)[len(seconds) // 2], 1)
    samples = panel.parameters.samples
    first, last = least(states[WARM_UP - 1 : WARM_UP + 2]), least(states[-3:])
    return {
        "turns": count,
        "samples": samples,
        "median_seconds": middle,
        "after_third": first,
        "after_last": last,
    }


def least(states: list[dict[str, Any]]) -> dict[str, Any]:
    """Of three turns: the allocator gives memory back at some and not at others, but what leaks is there at all."""
    return {name: min(state[name] for state in states) for name in states[0]}


class Sweep:
    """A copy of a sweep's file that is written anew with other pixels whenever that is asked for."""

    def __init__(self, original: Path, path: Path) -> None:
        self.path, self._turn = path, 0
        self._header, data = original.read_bytes().split(_DATA, 1)
        self._pixels = np.frombuffer(zlib.decompress(data), np.uint8)
        self.renew()

    def renew(self) -> None:
        """Give what shows something a little noise, unlike that of any turn before."""
        self._turn += 1
        noise = np.random.default_rng(self._turn).integers(-3, 4, self._pixels.size)
        pixels = np.where(self._pixels > 0, np.clip(self._pixels + noise, 1, 255), 0).astype(np.uint8)
        data = zlib.compress(pixels.tobytes())
        header = re.sub(rb"(?m)^CompressedDataSize = .*$", b"CompressedDataSize = %d" % len(data), self._header)
        self.path.write_bytes(header + _DATA + data)


def choose_sweep(panel: Any, path: Path) -> None:
    """Take another file of tracked frames."""
    import rig

    rig.choose_files(str(path))
    rig.click(panel.ui.sweepFileButton)
    assert panel.parameters.sweepPath == str(path)


def load_mrs_again(panel: Any) -> None:
    """Remove the demo's MRs with all that is theirs, load them again, and choose them in their rows."""
    import rig
    import slicer
    from mmhvae.bundle import demo_case
    from MMHVAESynthesisLib.nodes import remove_shown

    for name in ("t2", "cet1", "flair"):
        selector = getattr(panel.ui, f"{name}Selector")
        node, title = selector.currentNode(), selector.currentNode().GetName()
        slicer.mrmlScene.RemoveNode(node.GetStorageNode())
        remove_shown(node)
        path = str(demo_case() / f"preop-{name}.nii.gz")
        rig.choose(selector, slicer.util.loadVolume(path, {"name": title, "show": False}).GetName())


def state(panel: Any, folder: Path) -> dict[str, Any]:
    """Nodes in the scene, processes of this one and their memory, files in the folder for temporary ones."""
    import rig
    import slicer

    rig.process_events(1000)
    gc.collect()
    children = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "pid=", "-o", "comm="], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return {
        "nodes": slicer.mrmlScene.GetNumberOfNodes(),
        "processes": sum(not line.split()[1].startswith("ps") for line in children),
        "files": sum(path.is_file() for path in folder.rglob("*")),
        "own_mib": resident(os.getpid()),
        "engine_mib": resident(panel.logic.engine.readiness.pid),
    }


def resident(pid: int) -> int:
    """Memory of a process, MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") >> 20


def where() -> dict[str, str]:
    """The code that ran, and the computer."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    code = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return {"commit": code, "machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU"}


if __name__ == "__main__":
    main()
