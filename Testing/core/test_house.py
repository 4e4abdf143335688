"""The arrows of the house: which package may import which, and that no files import each other in a circle."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parents[2]
#: Where the packages lie.
FOLDERS = {
    "mmhvae": "MMHVAESynthesis",
    "MMHVAESynthesisLib": "MMHVAESynthesis",
    "MMHVAERegistrationLib": "MMHVAERegistration",
    "mmhvae_training": "Training",
}
#: Floors from the ground up; a room may use those on its own floor and below it. Rooms are packages, and files
#: that lie beside them. Rooms of one floor may not use each other in a circle, either.
FLOORS = {
    "mmhvae": [
        "exceptions version faces protocol files write_faults",
        "fields",
        "settings answers compute",
        "images",
        "sweep network",
        "bundle",
        "synthesis",
        "registration overlays segmentation",
        "tasks demo",
        "commands",
        "worker cli",
    ],
    "MMHVAESynthesisLib": [
        "about engine nodes bounds",
        "synthesis",
        "views",
        "parameters logic",
        "panel",
        "live setup",
        "sample_data test demo_button folded_panels",
        "widget",
    ],
    "MMHVAERegistrationLib": [
        "synthesis_module",
        "pose",
        "parameters case",
        "logic overlays",
        "outline",
        "compare",
        "panel",
        "report",
        "test folded_panels",
        "widget",
    ],
    "mmhvae_training": [
        "script device_option idle_options number_options single_precision records configuration",
        "simulation calibration",
        "data networks",
        "objective",
        "loop",
        "baselines refinement",
        "segmentation",
        "brain_extraction",
        "personalised",
        "scoring judging",
        "trust export ultrasound_tumours",
    ],
}
#: What a package may use of the others.
MAY_USE = {
    "mmhvae": set(),
    "MMHVAESynthesisLib": {"mmhvae"},
    "MMHVAERegistrationLib": {"mmhvae", "MMHVAESynthesisLib"},
    "mmhvae_training": {"mmhvae"},
}
ALLOWED = {"torch", "numpy", "SimpleITK", "safetensors"} | set(sys.stdlib_module_names)


def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name; a package is its ``__init__``."""
    found = {}
    for package, folder in FOLDERS.items():
        for file in sorted((REPOSITORY / folder / package).rglob("*.py")):
            parts = file.relative_to(REPOSITORY / folder).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


@cache
def tree(file: Path) -> ast.Module:
    """A file, parsed once for all tests."""
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(name: str, file: Path) -> Iterator[str]:
    """The dotted names of all that a file imports, at any depth, for type checkers or not."""
    package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{a.name}" if f"{module}.{a.name}" in MODULES else module for a in node.names)


@cache
def graph() -> dict[str, set[str]]:
    """Which module of ours imports which; faces, which import nothing but for type checkers, are left out."""
    faces = {name for name, file in MODULES.items() if file.name == "__init__.py"}
    return {
        name: {target for target in imports(name, file) if target in MODULES} - {name}
        for name, file in MODULES.items()
        if name not in faces
    }


def arrows() -> list[tuple[str, str]]:
    return [(name, target) for name, targets in graph().items() for target in sorted(targets)]


def room(module: str) -> str:
    """The package or file, directly within its root, that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def circles(needed: dict[str, set[str]]) -> list[str]:
    """What is left when everything that stands on solid ground is taken away."""
    left = dict(needed)
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def test_every_room_is_on_a_floor():
    for package, floors in FLOORS.items():
        rooms = {room(name) for name in graph() if name.startswith(f"{package}.")}
        assert rooms == set(" ".join(floors).split())


def test_no_arrow_goes_up():
    wrong = []
    for package, floors in FLOORS.items():
        height = {name: level for level, names in enumerate(floors) for name in names.split()}
        wrong += [
            f"{name} -> {target}"
            for name, target in arrows()
            if name.startswith(f"{package}.") and target.startswith(f"{package}.")
            if height[room(target)] > height[room(name)]
        ]
    assert wrong == []


def test_packages_use_only_those_below_them():
    roots = [(name.split(".")[0], target.split(".")[0], f"{name} -> {target}") for name, target in arrows()]
    assert [said for own, root, said in roots if root != own and root not in MAY_USE[own]] == []


def test_nobody_reaches_past_a_face():
    """Another package's files are imported through its ``__init__``; those of the own one, or around it, directly."""
    wrong = [
        f"{name} -> {target}"
        for name, target in arrows()
        if target.count(".") > 1 and not name.startswith(target.rsplit(".", 1)[0] + ".")
    ]
    assert wrong == []


def test_no_circle():
    assert circles({name: needs for name, needs in graph().items() if name.split(".")[0] in FLOORS}) == []
    for package in FLOORS:
        rooms: dict[str, set[str]] = {}
        for name, targets in graph().items():
            if name.startswith(f"{package}."):
                own = rooms.setdefault(room(name), set())
                own |= {room(t) for t in targets if t.startswith(f"{package}.")} - {room(name)}
        assert circles(rooms) == [], package


def test_a_circle_would_be_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]


def test_the_core_needs_little():
    """Slicer has no other packages; matplotlib is for the demo's figure alone."""
    wrong = []
    for name, file in MODULES.items():
        if name.split(".")[0] == "mmhvae":
            found = {target.split(".")[0] for target in imports(name, file)} - {"mmhvae"}
            wrong += [f"{name} -> {other}" for other in found - ALLOWED]
    assert set(wrong) <= {"mmhvae.demo.figure -> matplotlib"}


def python_files() -> list[Path]:
    """All of ours, tests and scripts included, and none that a build or an environment has put beside them."""
    tops = ("MMHVAESynthesis", "MMHVAERegistration", "Training", "Testing", "Resources")
    return [file for top in tops for file in sorted((REPOSITORY / top).rglob("*.py"))]


def functions(file: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file and how many lines it has, from ``def`` to its end."""
    for node in ast.walk(tree(file)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            yield f"{file.relative_to(REPOSITORY)}: {node.name}", node.end_lineno - node.lineno + 1


def test_files_are_short():
    lines = {str(file): len(file.read_text(encoding="utf-8").splitlines()) for file in python_files()}
    assert {name: count for name, count in lines.items() if count > 400} == {}
    for top in ("mmhvae/", "MMHVAESynthesisLib/", "MMHVAERegistrationLib/", "Training/", "Testing/"):
        assert median(count for name, count in lines.items() if f"/{top}" in name) < 150, top


def test_functions_are_short():
    lines = dict(found for file in python_files() for found in functions(file))
    assert {name: count for name, count in lines.items() if count > 60} == {}
    assert median(lines.values()) <= 8


def test_folders_are_small():
    folders = Counter(file.parent for file in python_files())
    assert {str(folder): count for folder, count in folders.items() if count > 20} == {}


def test_the_demo_case_is_that_of_its_checksums():
    """Slicer's Sample Data refuses the whole case for one file that was touched."""
    folder = REPOSITORY / "MMHVAESynthesis" / "Resources" / "Samples" / "demo"
    told = json.loads((folder / "checksums.json").read_text())
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in told}
    assert found == told


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY / "MMHVAESynthesis", capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_names_and_help_cost_no_torch():
    program = "import sys, mmhvae, mmhvae.cli, mmhvae.worker, mmhvae.images.modalities; print('torch' in sys.modules)"
    assert run(program) == "False"


def test_what_slicer_imports_of_the_core_costs_no_torch():
    """Torch in Slicer's own process can crash it."""
    wanted = set()
    for name, file in MODULES.items():
        if name.split(".")[0].endswith("Lib"):
            wanted |= {
                f"from {node.module} import {alias.name}"
                for node in ast.walk(tree(file))
                if isinstance(node, ast.ImportFrom) and not node.level and node.module.split(".")[0] == "mmhvae"
                for alias in node.names
            }
    assert run("import sys\n" + "\n".join(sorted(wanted)) + "\nprint('torch' in sys.modules)") == "False"


#: What once stood in many places -> where it stands.
ONE_HOME = {r"\[-1\.0, -1\.0, 1\.0": "images/transforms.py", r"[=n] \(\"t2\", \"cet1\", \"flair\"\)": "nowhere"}


def test_the_sign_of_lps_and_the_list_of_mrs_have_one_home() -> None:
    folders = [REPOSITORY / folder for folder in dict.fromkeys(FOLDERS.values())]
    texts = {path.as_posix(): path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.py")}
    for pattern, home in ONE_HOME.items():
        assert [path for path in texts if re.search(pattern, texts[path]) and not path.endswith(home)] == []
