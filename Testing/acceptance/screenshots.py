"""Pictures of the synthesis panel for the README, by way of the rig: the demo case, from Sample Data to the result.

python Testing/acceptance/screenshots.py --output Resources/Screenshots
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing" / "rig"), str(ROOT / "MMHVAESynthesis")]
SIZE = (1280, 900)


def main() -> None:
    """Read the command line, do what a newcomer does, and take a picture of what is seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--scale", default="1", help="of the screen, 1.5 for 150 %%")
    arguments = parser.parse_args()
    os.environ["QT_SCALE_FACTOR"] = arguments.scale

    import rig

    rig.start()
    panel = rig.load_module("MMHVAESynthesis").self()
    window = panel.parent.window()
    window.resize(*SIZE)

    from MMHVAESynthesisLib.sample_data import load_demo_case

    load_demo_case()
    rig.wait_until(lambda: panel.ui.applyButton.isEnabled() and panel.logic.engine.readiness is not None, 120)
    rig.process_events(300)
    rig.grab(window, arguments.output / "panel-before.png")
    rig.click(panel.ui.applyButton)
    rig.wait_until(lambda: panel.ui.progressBar.value > 500, 300)
    rig.grab(window, arguments.output / "panel-working.png")
    rig.wait_until(lambda: not panel.logic.is_running, 600)
    rig.process_events(500)
    rig.click(panel.ui.uncertaintyContoursButton)
    rig.process_events(500)
    rig.grab(window, arguments.output / "panel.png")
    panel.cleanup()


if __name__ == "__main__":
    main()
