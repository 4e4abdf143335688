"""The page Troubleshooting quotes the panel: what stands there in quotation marks is to be found in the source."""

from __future__ import annotations

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "Resources" / "Troubleshooting.md"


def source_texts() -> str:
    """All texts of the program, a line each; what is filled in stands as three dots."""
    found = []
    for folder in ("MMHVAESynthesis", "MMHVAERegistration"):
        for file in sorted((REPOSITORY / folder).rglob("*.py")):
            nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
            documentation = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
            for node in nodes:
                if isinstance(node, ast.JoinedStr):
                    parts = [part.value if isinstance(part, ast.Constant) else "..." for part in node.values]
                    found.append("".join(parts))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                    found.append(re.sub(r"\{[^{}]*\}", "...", node.value))
    return "\n".join(found)


def test_what_the_page_quotes_is_what_the_panel_says():
    text = re.sub(r"\s+", " ", PAGE.read_text(encoding="utf-8"))
    quoted, texts = re.findall(r'"([^"]+)"', text), source_texts()
    assert len(quoted) > 20
    assert [words for words in quoted if words not in texts] == []
