"""The arrows of the design: what the core imports, and when."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mmhvae
import pytest

CORE = Path(mmhvae.__file__).parent
FILES = sorted(CORE.rglob("*.py"))
ALLOWED = {"torch", "numpy", "SimpleITK", "safetensors"} | set(sys.stdlib_module_names)
#: Lower layers: what each may import of the core at the top of its file, itself aside.
LOWEST = {"exceptions", "version"}
LAYERS = {
    "exceptions": set(),
    "version": set(),
    "modalities": LOWEST,
    "cells": LOWEST,
    "experts": LOWEST,
    "network": LOWEST | {"cells", "experts"},
    "nifti": LOWEST,
    "protocol": LOWEST,
    "parameters": LOWEST,
    "images": LOWEST | {"nifti"},
    "intensities": LOWEST | {"modalities"},
    "tiles": LOWEST,
    "release": LOWEST | {"network"},
    "bundle": LOWEST | {"network", "release", "intensities"},
    "noise": LOWEST | {"network", "cells", "experts", "tiles"},
    "devices": LOWEST | {"network", "cells", "experts"},
    "preparation": LOWEST | {"bundle", "images", "intensities"},
    "inference": LOWEST | {"network", "cells", "experts"},
}


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Module and number of leading dots of every import in ``tree``, whatever its depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module:
                yield node.module, node.level
            else:
                yield from ((alias.name, node.level) for alias in node.names)


def at_import_time(tree: ast.Module) -> ast.Module:
    """``tree`` without what runs only in functions, or never: bodies of functions and of ``if TYPE_CHECKING``."""

    class Strip(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        def visit_If(self, node: ast.If) -> ast.AST | None:
            return None if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)

    return Strip().visit(tree)


def names(file: Path) -> str:
    return str(file.relative_to(CORE))


@pytest.mark.parametrize("file", FILES, ids=names)
def test_the_core_imports_nobody_here_and_little_elsewhere(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    everywhere = {module.split(".")[0] for module, level in imports(tree) if not level}
    assert not everywhere & {"slicer", "qt", "ctk", "vtk", "mmhvae_training", "MMHVAESynthesisLib"}
    assert everywhere <= ALLOWED | ({"matplotlib"} if file.name == "figure.py" else set())
    first = {module.split(".")[0] for module, level in imports(at_import_time(tree)) if not level}
    assert first <= ALLOWED


@pytest.mark.parametrize("name", LAYERS)
def test_lower_layers_know_nothing_of_higher_ones(name):
    tree = ast.parse((CORE / f"{name}.py").read_text(encoding="utf-8"))
    own = {module.split(".")[0] for module, level in imports(tree) if level}
    assert own <= LAYERS[name]


def test_imports_within_the_core_form_no_circle():
    graph: dict[str, set[str]] = {}
    for file in FILES:
        package = file.relative_to(CORE).parent.parts
        own = ".".join((*package, file.stem))
        if file.name == "__init__.py":
            continue
        tree = at_import_time(ast.parse(file.read_text(encoding="utf-8")))
        graph[own] = {
            ".".join((*package[: len(package) - level + 1], module)) for module, level in imports(tree) if level
        }
    done: set[str] = set()
    while graph:
        free = {name for name, needs in graph.items() if not (needs & graph.keys())}
        assert free, f"a circle among {sorted(graph)}"
        done |= free
        graph = {name: needs for name, needs in graph.items() if name not in free}


@pytest.mark.parametrize(
    "statement", ["import mmhvae", "import mmhvae.cli", "import mmhvae.modalities", "import mmhvae.worker"]
)
def test_names_and_help_cost_no_torch(statement):
    code = f"import sys; sys.path.insert(0, {str(CORE.parent)!r}); {statement}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_what_slicer_imports_of_the_core_costs_no_torch():
    """Torch in Slicer's own process can crash it."""
    files = [*CORE.parent.glob("MMHVAESynthesisLib/**/*.py"), *CORE.parents[1].glob("MMHVAERegistration/**/*.py")]
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    wanted = {module for tree in trees for module, level in imports(tree) if not level and module.startswith("mmhvae")}
    program = f"import sys, {', '.join(sorted(wanted))}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=CORE.parent, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr
