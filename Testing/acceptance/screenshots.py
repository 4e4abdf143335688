"""Pictures of the panels in every state, by way of the rig: the demo case, from an empty scene to the results.

python Testing/acceptance/screenshots.py --output Resources/Screenshots
python Testing/acceptance/screenshots.py --output SOMEWHERE --size 1366 768 --scale 1.5 --quick
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing" / "rig"), str(ROOT / "MMHVAESynthesis"), str(ROOT / "MMHVAERegistration")]


def main() -> None:
    """Read the command line, do what a newcomer does, and take pictures of what is seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 900), help="of the window")
    parser.add_argument("--scale", default="1", help="of the screen, 1.5 for 150 %%")
    parser.add_argument("--quick", action="store_true", help="one sample, and one MR registered by a preview")
    parser.add_argument("--module", choices=["synthesis", "registration", "both"], default="both")
    arguments = parser.parse_args()
    os.environ["QT_SCALE_FACTOR"] = arguments.scale

    import rig

    rig.start()
    synthesis = rig.load_module("MMHVAESynthesis").self()
    synthesis.parent.window().resize(*arguments.size)
    if arguments.module != "registration":
        picture_synthesis(synthesis, arguments.output, arguments.quick)
    if arguments.module != "synthesis":
        registration = rig.load_module("MMHVAERegistration").self()
        if registration.ui.demoButton.isVisible():
            rig.click(registration.ui.demoButton)
        picture_registration(registration, arguments.output, arguments.quick)
    synthesis.cleanup()


def picture_synthesis(panel: Any, folder: Path, is_quick: bool) -> None:
    """Fresh, with the demo, failed, at work, and with the synthetic T2 over the ultrasound."""
    import rig

    window = panel.parent.window()
    rig.process_events(500)
    rig.grab(window, folder / "panel-fresh.png")
    rig.click(panel.ui.demoButton)
    rig.wait_until(lambda: panel.ui.applyButton.isEnabled() and panel.logic.engine.readiness is not None, 120)
    rig.process_events(300)
    rig.grab(window, folder / "panel-before.png")
    if is_quick:
        panel.parameters.samples = 2
        panel.parameters.synthesizeCet1 = panel.parameters.synthesizeFlair = False
    picture_failure(panel, folder)
    rig.click(panel.ui.applyButton)
    rig.wait_until(lambda: panel.ui.progressBar.value > 500, 900)
    rig.grab(window, folder / "panel-working.png")
    rig.wait_until(lambda: not panel.logic.is_running, 1800)
    rig.process_events(500)
    rig.click(panel.ui.uncertaintyContoursButton)
    rig.process_events(500)
    rig.grab(window, folder / "panel.png")


def picture_failure(panel: Any, folder: Path) -> None:
    """What a killed engine looks like."""
    import rig

    rig.click(panel.ui.applyButton)
    rig.wait_until(lambda: panel.ui.progressBar.value > 30, 300)
    os.kill(panel.logic.engine.readiness.pid, 9)
    rig.wait_until(lambda: not panel.logic.is_running, 60)
    rig.process_events(300)
    rig.grab(panel.parent.window(), folder / "panel-failed.png")


def picture_registration(panel: Any, folder: Path, is_quick: bool) -> None:
    """Before, with the verdict and the tumour's outline before and after, and the landmarks with their errors."""
    import rig
    import slicer

    window = panel.parent.window()
    if is_quick:
        panel.parameters.useCet1 = panel.parameters.useFlair = False
        panel.parameters.samples = 2
    rig.wait_until(lambda: panel.ui.registerButton.isEnabled() and panel.logic.engine.readiness is not None, 120)
    rig.process_events(300)
    rig.grab(window, folder / "registration-before.png")
    rig.click(panel.ui.previewButton if is_quick else panel.ui.registerButton)
    rig.wait_until(lambda: not panel.logic.is_running, 2400)
    rig.process_events(500)
    rig.move_slider(panel.ui.fadeSlider, 0.4)
    bounds = [0.0] * 6
    slicer.util.getNode("Demo tumour*").GetRASBounds(bounds)
    for name in ("Red", "Yellow", "Green"):
        node = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode()
        node.JumpSliceByOffsetting(*((bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)))
    rig.process_events(500)
    rig.grab(window, folder / "registration.png")
    rig.click(panel.ui.landmarksSection)
    rig.process_events(300)
    rig.grab(window, folder / "registration-landmarks.png")
    panel.cleanup()


if __name__ == "__main__":
    main()
