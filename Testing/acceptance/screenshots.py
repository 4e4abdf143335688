"""Pictures of both panels in every state, by way of the rig: an empty scene, the demo, results, landmarks.

python Testing/acceptance/screenshots.py --output Resources/Screenshots --only panel registration
python Testing/acceptance/screenshots.py --output SOMEWHERE --size 1366 768 --quick
python Testing/acceptance/screenshots.py --output SOMEWHERE --size 1366 768 --scale 1.5 --quick

The size is that of the screen in its own pixels: at 150 % a window of 1366 x 768 has room for 911 x 512.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Testing" / "rig"), str(ROOT / "MMHVAESynthesis"), str(ROOT / "MMHVAERegistration")]


def main() -> None:
    """Read the command line, do what a newcomer does, and take pictures of what is seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 900), help="of the screen")
    parser.add_argument("--scale", type=float, default=1.0, help="of the screen, 1.5 for 150 %%")
    parser.add_argument("--quick", action="store_true", help="two samples, and a preview")
    parser.add_argument("--only", nargs="+", default=[], help="names of the pictures to keep; by default all")
    arguments = parser.parse_args()
    os.environ["QT_SCALE_FACTOR"] = str(arguments.scale)

    import rig

    rig.start()
    camera = Camera(arguments.output, arguments.only)
    synthesis = rig.load_module("MMHVAESynthesis").self()
    synthesis.parent.window().resize(*(round(side / arguments.scale) for side in arguments.size))
    registration = rig.load_module("MMHVAERegistration").self()
    picture_way_in(registration, "registration", camera)
    rig.load_module("MMHVAESynthesis")
    picture_way_in(synthesis, "panel", camera)
    if arguments.quick:
        synthesis.parameters.samples = registration.parameters.samples = 2
        registration.parameters.prior = True
    picture_synthesis(synthesis, camera)
    rig.load_module("MMHVAERegistration")
    picture_registration(registration, camera, arguments.quick)
    registration.cleanup()
    synthesis.cleanup()


class Camera:
    """Takes pictures of the main window, of which only those of some names are kept."""

    def __init__(self, folder: Path, only: list[str]) -> None:
        self._folder, self._only = folder, only

    def take(self, name: str) -> None:
        """What is seen now."""
        import rig
        import slicer

        rig.process_events(400)
        if not self._only or name in self._only:
            rig.grab(slicer.util.mainWindow(), self._folder / f"{name}.png")


def picture_way_in(panel: Any, name: str, camera: Camera) -> None:
    """Without PyTorch; and, in an empty scene, as it comes up."""
    from MMHVAESynthesisLib.setup import package_installer

    fresh = {"missing_packages": lambda: ["torch", "safetensors"], "network_problem": lambda missing: ""}
    with patch.multiple(package_installer, **fresh):  # a fresh Slicer, which has the extension PyTorch
        panel.look_for_missing()
        panel.refresh()
        camera.take(f"{name}-no-torch")
    panel.look_for_missing()
    panel.refresh()
    camera.take(f"{name}-fresh")


def picture_synthesis(panel: Any, camera: Camera) -> None:
    """With the demo, failed, at work, and with the synthetic T2 over the ultrasound."""
    import rig

    rig.click(panel.ui.demoButton)
    rig.wait_until(lambda: panel.ui.applyButton.isEnabled() and panel.logic.engine.readiness is not None, 120)
    camera.take("panel-demo")
    picture_failure(panel, panel.ui.applyButton, "panel", camera)
    rig.click(panel.ui.applyButton)
    rig.wait_until(lambda: panel.ui.progressBar.value > 500, 900)
    camera.take("panel-running")
    rig.wait_until(lambda: not panel.logic.is_running, 1800)
    camera.take("panel-done")
    rig.click(panel.ui.uncertaintyContoursButton)
    camera.take("panel")


def picture_failure(panel: Any, button: Any, name: str, camera: Camera) -> None:
    """What a killed engine looks like."""
    import rig

    rig.click(button)
    rig.wait_until(lambda: panel.ui.progressBar.value > 30, 300)
    os.kill(panel.logic.engine.readiness.pid, 9)
    rig.wait_until(lambda: not panel.logic.is_running, 60)
    camera.take(f"{name}-failed")


def picture_registration(panel: Any, camera: Camera, is_quick: bool) -> None:
    """Before, failed, at work, with the verdict, compared, and the landmarks with their errors."""
    import rig
    from MMHVAESynthesisLib.panel import scroll_into_view

    button = panel.ui.previewButton if is_quick else panel.ui.registerButton
    rig.wait_until(button.isEnabled, 120)
    camera.take("registration-demo")
    picture_failure(panel, button, "registration", camera)
    rig.wait_until(button.isEnabled, 60)
    rig.click(button)
    rig.wait_until(lambda: panel.ui.progressBar.value > 300, 900)
    camera.take("registration-running")
    rig.wait_until(lambda: not panel.logic.is_running, 2400)
    camera.take("registration-done")
    look_at_tumour()
    scroll_into_view(panel.ui.fadeSlider)
    rig.process_events(200)
    rig.move_slider(panel.ui.fadeSlider, 0.4)
    camera.take("registration")
    rig.click(panel.ui.landmarksSection)
    camera.take("registration-landmarks")


def look_at_tumour() -> None:
    """Every slice view through the middle of the demo's tumour."""
    import slicer

    bounds = [0.0] * 6
    slicer.util.getNode("Demo tumour*").GetRASBounds(bounds)
    for name in ("Red", "Yellow", "Green"):
        node = slicer.app.layoutManager().sliceWidget(name).mrmlSliceNode()
        node.JumpSliceByOffsetting(*((bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)))


if __name__ == "__main__":
    main()
