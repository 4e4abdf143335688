"""Try both modules in Slicer's desktop application: self-tests, pictures of the panels, and a report of all of it.

    Slicer --no-splash --python-script Testing/slicer_desktop.py --output desktop-report

Slicer ends with status 0 where everything passed. It needs the modules in Slicer's module paths, and PyTorch in its
Python: a test that was skipped has not passed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
import time
import traceback
import unittest
from pathlib import Path
from typing import Any

import slicer

MODULES = ("MMHVAESynthesis", "MMHVAERegistration")
#: Milliseconds for a panel to settle before its picture is taken.
SETTLE = 1500


def main(arguments: list[str]) -> int:
    """Do everything, whatever fails, and write the report; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("desktop-report"))
    output = parser.parse_args(arguments).output.absolute()
    output.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {"about": about(), "tests": [], "pictures": [], "problems": []}
    for name in MODULES:
        attempt(report, f"self-test of {name}", lambda name=name: report["tests"].extend(self_test(name)))
        attempt(report, f"picture of {name}", lambda name=name: report["pictures"].append(picture(name, output)))
    report["passed"] = has_passed(report)
    (output / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (output / "report.md").write_text(as_text(report), encoding="utf-8")
    print(as_text(report))
    return 0 if report["passed"] else 1


def attempt(report: dict[str, Any], what: str, work: Any) -> None:
    """Note what goes wrong, and go on."""
    try:
        work()
    except Exception:  # whatever it is, the rest is to be tried
        report["problems"].append({"what": what, "details": traceback.format_exc()})


def about() -> dict[str, str]:
    """What this was tried on."""
    import mmhvae
    from MMHVAESynthesisLib.setup import missing_packages

    return {
        "Slicer": f"{slicer.app.applicationVersion} (revision {slicer.app.revision})",
        "MMHVAE": mmhvae.__version__,
        "system": platform.platform(),
        "Python": platform.python_version(),
        "window": window_size(),
        "missing packages": ", ".join(missing_packages()) or "none",
    }


def window_size() -> str:
    """Of the main window, in points, and how many pixels a point has."""
    window = slicer.util.mainWindow()
    return f"{window.width} x {window.height}, {window.devicePixelRatioF():g} pixels a point"


def self_test(name: str) -> list[dict[str, Any]]:
    """Every test of a module by itself, as the extension's build runs it."""
    case = getattr(importlib.import_module(name), f"{name}Test")
    found = []
    for test in unittest.TestLoader().loadTestsFromTestCase(case):
        test.messageDelay = 100  # milliseconds that a message stays
        result, begun = unittest.TestResult(), time.monotonic()
        test.run(result)
        wrong = [details for _, details in (*result.errors, *result.failures)]
        skipped = [reason for _, reason in result.skipped]
        state = "failed" if wrong else "skipped" if skipped else "passed"
        details = "\n".join(wrong or skipped)
        seconds = round(time.monotonic() - begun, 1)
        found.append({"test": test.id(), "state": state, "seconds": seconds, "details": details})
    return found


def picture(name: str, folder: Path) -> str:
    """The main window with the module's panel, as the self-test left the scene."""
    slicer.util.selectModule(name)
    wait(SETTLE)
    path = folder / f"{name}.png"
    if not slicer.util.mainWindow().grab().save(str(path)):
        raise OSError(f"{path} cannot be written")
    return path.name


def wait(milliseconds: int) -> None:
    """Let the application do what it has to do for so long."""
    end = time.monotonic() + milliseconds / 1000
    while time.monotonic() < end:
        slicer.app.processEvents()
        time.sleep(0.01)


def has_passed(report: dict[str, Any]) -> bool:
    """Whether nothing is left to be looked into."""
    states = [test["state"] for test in report["tests"]]
    return bool(states) and set(states) == {"passed"} and not report["problems"]


def as_text(report: dict[str, Any]) -> str:
    """The report for people."""
    lines = ["# MMHVAE in the desktop application", ""]
    lines += [f"- {name}: {value}" for name, value in report["about"].items()]
    lines += ["", "| test | state | seconds |", "| --- | --- | --- |"]
    lines += [f"| {test['test']} | {test['state']} | {test['seconds']} |" for test in report["tests"]]
    lines += ["", *(f"![{name}]({name})" for name in report["pictures"])]
    details = [(test["test"], test["details"]) for test in report["tests"] if test["details"]]
    details += [(problem["what"], problem["details"]) for problem in report["problems"]]
    for what, text in details:
        lines += ["", f"## {what}", "", "```", text.rstrip(), "```"]
    lines += ["", "Everything passed." if report["passed"] else "**Not everything passed.**"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    slicer.util.exit(main(sys.argv[1:]))
