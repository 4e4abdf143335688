"""Rules, Slicer's and ours, that a change could break unnoticed: what is imported where, and what lies where."""

from __future__ import annotations

import ast
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

MODULES = [Path(__file__).resolve().parents[2] / name for name in ("MMHVAESynthesis", "MMHVAERegistration")]
SLICER_FACING = sorted(
    file for folder in MODULES for file in (folder / f"{folder.name}.py", *(folder / f"{folder.name}Lib").rglob("*.py"))
)
FORMS = sorted(form for folder in MODULES for form in (folder / "Resources" / "UI").glob("*.ui"))

#: What a file that Slicer scans may import at file scope: Python's own, ours, and what Slicer always has.
OURS = {"mmhvae", "MMHVAESynthesisLib", "MMHVAERegistrationLib"}
WITH_SLICER = {"numpy", "vtk", "SimpleITK", "slicer", "qt", "ctk"}
#: They live in the engine's process; inside Slicer's they can crash it.
ENGINE_ONLY = {"torch", "safetensors"}


def packages(node: ast.AST) -> set[str]:
    """The top-level packages that a statement imports; a relative import is ours and counts as nothing."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return {node.module.split(".")[0]}
    if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in ("__import__", "importlib.import_module"):
        name = node.args[0]
        return {name.value.split(".")[0]} if isinstance(name, ast.Constant) else set()
    return set()


def run_on_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run while a file is imported: everything outside the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from run_on_import(child)


def imported(nodes: Iterator[ast.AST]) -> set[str]:
    return set().union(*map(packages, nodes))


def tree(source: str) -> ast.Module:
    return ast.parse(source)


PROBE = """
import torch.nn
if True:
    from safetensors import torch
class Panel:
    import scipy
    def open(self):
        import skimage
        importlib.import_module("pandas.io")
from .look import Look
"""


def test_the_reading_of_imports_finds_what_it_should():
    at_file_scope = {"torch", "safetensors", "scipy"}
    assert imported(run_on_import(tree(PROBE))) == at_file_scope
    assert imported(ast.walk(tree(PROBE))) == at_file_scope | {"skimage", "pandas"}


def test_slicer_never_imports_torch():
    """Nor anything else of the engine's, at any depth: inside Slicer it can crash it."""
    assert [str(file) for file in SLICER_FACING if imported(ast.walk(tree(file.read_text()))) & ENGINE_ONLY] == []


def test_file_scope_needs_nothing_that_slicer_lacks():
    allowed = set(sys.stdlib_module_names) | OURS | WITH_SLICER
    wrong = {file.name: imported(run_on_import(tree(file.read_text()))) - allowed for file in SLICER_FACING}
    assert {name: packages for name, packages in wrong.items() if packages} == {}


def test_a_module_folder_is_one_module_and_no_file_asks_for_an_interpreter_of_its_own():
    for folder in MODULES:
        assert [file.name for file in folder.glob("*.py")] == [f"{folder.name}.py"]
        assert [file for file in folder.rglob("*.py") if file.read_bytes().startswith(b"#!")] == []


def test_a_form_refers_only_to_widgets_it_has():
    for form in FORMS:
        root = ElementTree.parse(form).getroot()
        widgets = {widget.get("name") for widget in root.iter("widget")}
        referred = {stop.text for stop in root.iter("tabstop")}
        referred |= {buddy.text for buddy in root.iterfind(".//property[@name='buddy']/cstring")}
        ends = {end.text for kind in ("sender", "receiver") for end in root.iter(kind)}
        assert referred
        assert referred | ends <= widgets


def test_there_are_forms_and_files_to_look_at():
    assert [form.stem for form in FORMS] == ["MMHVAERegistration", "MMHVAESynthesis"]
    assert len(SLICER_FACING) > 20
