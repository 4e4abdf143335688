"""Pictures of the panels for the README, by way of the rig: the demo case, from Sample Data to the results.

python Testing/acceptance/screenshots.py --output Resources/Screenshots
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing" / "rig"), str(ROOT / "MMHVAESynthesis"), str(ROOT / "MMHVAERegistration")]
SIZE = (1280, 900)


def main() -> None:
    """Read the command line, do what a newcomer does, and take pictures of what is seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--scale", default="1", help="of the screen, 1.5 for 150 %%")
    parser.add_argument("--module", choices=["synthesis", "registration", "both"], default="both")
    arguments = parser.parse_args()
    os.environ["QT_SCALE_FACTOR"] = arguments.scale

    import rig

    rig.start()
    synthesis = rig.load_module("MMHVAESynthesis").self()
    synthesis.parent.window().resize(*SIZE)

    from MMHVAESynthesisLib.sample_data import load_demo_case

    load_demo_case()
    if arguments.module != "registration":
        picture_synthesis(synthesis, arguments.output)
    if arguments.module != "synthesis":
        picture_registration(rig.load_module("MMHVAERegistration").self(), arguments.output)
    synthesis.cleanup()


def picture_synthesis(panel: Any, folder: Path) -> None:
    """Before, at work, and with the synthetic T2 over the ultrasound."""
    import rig

    window = panel.parent.window()
    rig.wait_until(lambda: panel.ui.applyButton.isEnabled() and panel.logic.engine.readiness is not None, 120)
    rig.process_events(300)
    rig.grab(window, folder / "panel-before.png")
    rig.click(panel.ui.applyButton)
    rig.wait_until(lambda: panel.ui.progressBar.value > 500, 300)
    rig.grab(window, folder / "panel-working.png")
    rig.wait_until(lambda: not panel.logic.is_running, 600)
    rig.process_events(500)
    rig.click(panel.ui.uncertaintyContoursButton)
    rig.process_events(500)
    rig.grab(window, folder / "panel.png")


def picture_registration(panel: Any, folder: Path) -> None:
    """Before, and with the verdict, the T2 over the ultrasound, and the tumour's outline before and after."""
    import rig
    import slicer

    window = panel.parent.window()
    rig.wait_until(lambda: panel.ui.registerButton.isEnabled() and panel.logic.engine.readiness is not None, 120)
    rig.process_events(300)
    rig.grab(window, folder / "registration-before.png")
    rig.click(panel.ui.registerButton)
    rig.wait_until(lambda: not panel.logic.is_running, 900)
    rig.process_events(500)
    rig.move_slider(panel.ui.fadeSlider, 0.4)
    bounds = [0.0] * 6
    slicer.util.getNode("Demo tumour*").GetRASBounds(bounds)
    for name in ("Red", "Yellow", "Green"):
        node = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode()
        node.JumpSliceByOffsetting(*((bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)))
    rig.process_events(500)
    rig.grab(window, folder / "registration.png")
    panel.cleanup()


if __name__ == "__main__":
    main()
