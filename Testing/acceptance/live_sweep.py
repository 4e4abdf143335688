"""The demo sweep streamed into the live view: frames a second, delay, memory. Through the rig, real engine.

python Testing/acceptance/live_sweep.py --output Testing/acceptance/results/live-sweep.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing" / "rig"), str(ROOT / "Testing" / "slicer"), str(ROOT / "MMHVAESynthesis")]
#: Goals: frames a second on two cores with the starter bundle; growth of memory that counts as flat.
SLOWEST, MOST_GROWTH_MIB = 5.0, 24
SHARES = (0.2, 1.0)  # of the stream, where memory is looked at


class Stream:
    """A node under a transform, and the frames of the sweep that it shows one after the other, to and fro."""

    def __init__(self) -> None:
        from mmhvae.demo.main_job import load_demo_case
        from nodes import transform, volume

        sweep = load_demo_case().sweep
        there = list(zip(sweep.frames, sweep.image_to_reference, strict=True))
        self._frames = there + there[::-1]
        self._pose = transform(self._frames[0][1], "ImageToReference")
        self.node = volume(self._frames[0][0][None], name="Image")
        self.node.SetAndObserveTransformNodeID(self._pose.GetID())

    def show(self, number: int) -> np.ndarray:
        """Show a frame, and return its pose (4, 4); first the image comes, then its place, as from PLUS."""
        import slicer
        from nodes import vtk_matrix

        pixels, pose = self._frames[number % len(self._frames)]
        slicer.util.updateVolumeFromArray(self.node, pixels[None])
        self._pose.SetMatrixTransformToParent(vtk_matrix(pose))
        return pose


class Timed:
    """What the live view's frames cost, heard from the engine's answers, and how long the event loop stood still."""

    def __init__(self, engine: Any) -> None:
        self.milliseconds: list[float] = []
        self.round_trips: list[float] = []
        self.most_at_once = 0
        self.longest_block = 0.0
        self._engine, self._submit = engine, engine.submit
        engine.submit = self._asked

    def _asked(self, job: Any, method: str, parameters: Mapping[str, Any], callbacks: Any) -> None:
        from dataclasses import replace

        asked = time.monotonic()

        def answered(answer: Mapping[str, Any]) -> None:
            self.milliseconds.append(answer["milliseconds"])
            self.round_trips.append(1000 * (time.monotonic() - asked))
            callbacks.on_result(answer)

        self._submit(job, method, parameters, replace(callbacks, on_result=answered))
        self.most_at_once = max(self.most_at_once, len(self._engine._pending))

    def let_events_pass(self) -> None:
        """One turn of the event loop."""
        import slicer

        started = time.monotonic()
        slicer.app.processEvents()
        self.longest_block = max(self.longest_block, 1000 * (time.monotonic() - started))
        time.sleep(0.001)


def replay(count: int, rate: float) -> dict[str, Any]:
    """Stream ``count`` frames at ``rate`` a second, once the first one has been shown."""
    import rig

    rig.start()
    import slicer
    from mmhvae.bundle.shipped import starter_bundle
    from MMHVAESynthesisLib.engine.engine_sharing import SlicerEngine
    from MMHVAESynthesisLib.live.live_view import LiveRequest, LiveView
    from MMHVAESynthesisLib.nodes.geometry import ijk_to_ras
    from MMHVAESynthesisLib.views.annotation import annotate_slice_views

    annotate_slice_views()
    engine, stream = SlicerEngine(python=(sys.executable,)), Stream()
    timed, ends, delays, memory = Timed(engine), [], [], []
    view = LiveView(engine, ends.append)
    view.start(stream.node, LiveRequest(starter_bundle()))
    rig.wait_until(lambda: view.node is not None, 300)
    _listen(view, delays)
    came, shown, started = view.rate.came, view.rate.shown, time.monotonic()
    timed.longest_block = 0.0
    work = {name: cpu_seconds(pid) for name, pid in _processes(engine)}
    for number in range(1, count + 1):
        while time.monotonic() < started + number / rate:
            timed.let_events_pass()
        pose = stream.show(number)
        if number in [int(share * count) for share in SHARES]:
            memory.append({f"{name}_mib": resident(pid) for name, pid in _processes(engine)})
    seconds, in_time = time.monotonic() - started, view.rate.shown - shown
    work = {name: round(1000 * (cpu_seconds(pid) - work[name]) / max(in_time, 1)) for name, pid in _processes(engine)}
    rig.wait_until(lambda: np.allclose(ijk_to_ras(view.node), pose, atol=1e-6), 60, "the last frame")
    found = {
        "frames": view.rate.came - came,
        "frames_a_second": round(count / seconds, 1),
        "shown": in_time,
        "shown_a_second": round(in_time / seconds, 1),
        "delay_ms": percentiles(delays),
        "engine_ms": percentiles(timed.milliseconds[1:]),
        "files_and_messages_ms": percentiles(np.subtract(timed.round_trips, timed.milliseconds)[1:]),
        "cpu_ms_a_frame_shown": work,
        "longest_block_ms": round(timed.longest_block),
        "most_at_once": timed.most_at_once,
        "last_frame_shown": True,
        "memory_at_20_percent": memory[0],
        "memory_at_100_percent": memory[1],
    }
    view.stop()
    found["nodes_left"] = len(slicer.util.getNodes("SYNTHETIC*"))
    found["messages"] = ends
    engine.close()
    return found


def _processes(engine: Any) -> list[tuple[str, int]]:
    return [("own", os.getpid()), ("engine", engine.readiness.pid)]


def _listen(view: Any, delays: list[float]) -> None:
    """Have every shown frame's delay (ms) appended to ``delays``."""
    rate = view.rate
    add_shown = rate.add_shown

    def heard(taken: float, now: float) -> None:
        delays.append(1000 * (now - taken))
        add_shown(taken, now)

    rate.add_shown = heard


def percentiles(values: Any) -> dict[str, float]:
    """Median and 95th percentile."""
    return {"median": round(float(np.median(values)), 1), "95 %": round(float(np.percentile(values, 95)), 1)}


def resident(pid: int) -> int:
    """Memory of a process, MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") >> 20


def cpu_seconds(pid: int) -> float:
    """What a process has computed so far, on all cores: the share of a busy machine that it got does not matter."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def failures(found: Mapping[str, Any]) -> list[str]:
    """Which goals were missed."""
    before, after = found["memory_at_20_percent"], found["memory_at_100_percent"]
    return [
        text
        for text, is_met in {
            f"fewer than {SLOWEST:g} frames a second": found["shown_a_second"] >= SLOWEST,
            "memory grew": all(after[name] - before[name] <= MOST_GROWTH_MIB for name in before),
            "frames were queued": found["most_at_once"] == 1,
            "the event loop stood still for more than 200 ms": found["longest_block_ms"] <= 200,
            "something was left behind": not found["nodes_left"] and not found["messages"],
        }.items()
        if not is_met
    ]


def commit() -> str:
    """Of the code that runs."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def main() -> None:
    """Read the command line, replay the sweep, write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--rate", type=float, default=30.0, help="frames a second")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    found = replay(arguments.count, arguments.rate)
    found |= {"commit": commit(), "machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU"}
    found["load_of_others"] = round(load, 1)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    missed = failures(found)
    if missed:
        sys.exit(f"missed: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
