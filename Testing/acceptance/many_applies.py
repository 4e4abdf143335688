"""Fifty Applies in a row, and what they leave behind: processes, files, nodes, memory. Through the rig, real engine.

python Testing/acceptance/many_applies.py --output Testing/acceptance/results/many-applies.json
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing" / "rig"), str(ROOT / "Testing" / "slicer"), str(ROOT / "MMHVAESynthesis")]
WARM_UP = 3  # Applies before the first count: nodes and caches that are made once


def main() -> None:
    """Read the command line, press Apply again and again, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--count", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        found = press_apply(arguments.count, Path(folder))
    found |= {"commit": commit(), "machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU"}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    grown = [name for name in ("nodes", "processes", "files") if found["after"][name] > found["before"][name]]
    if grown:
        sys.exit(f"left behind: {', '.join(grown)}")


def press_apply(count: int, folder: Path) -> dict[str, Any]:
    """What is there after the first few Applies, and after all of them."""
    import rig

    rig.start()
    from nodes import fan, volume

    panel = rig.load_module("MMHVAESynthesis").self()
    rig.choose(panel.ui.usSelector, volume(fan(40), name="iUS").GetName())
    for box in (panel.ui.wantCet1CheckBox, panel.ui.wantFlairCheckBox, panel.ui.uncertaintyCheckBox):
        rig.click(box)  # one image will do
    states, seconds = [], []
    for turn in range(WARM_UP + count):
        if turn == WARM_UP:
            states.append(state(panel, folder))
        rig.wait_until(lambda: panel.ui.applyButton.isEnabled(), 60)
        started = time.monotonic()
        rig.click(panel.ui.applyButton)
        rig.wait_until(lambda: not panel.logic.is_running, 300)
        seconds.append(time.monotonic() - started)
    states.append(state(panel, folder))
    panel.cleanup()
    middle = round(sorted(seconds)[len(seconds) // 2], 2)
    return {"applies": count, "median_seconds": middle, "before": states[0], "after": states[1]}


def state(panel: Any, folder: Path) -> dict[str, Any]:
    """Nodes in the scene, processes of this one and their memory, files in the folder for temporary ones."""
    import rig
    import slicer

    rig.process_events(200)
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


def commit() -> str:
    """Of the code that runs."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
