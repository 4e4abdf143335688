"""Write the repository's address wherever Slicer or the Extensions Index needs one, and mark it as released.

    python Resources/set_repository.py https://github.com/OWNER/SlicerMMHVAE

The Index reads CMakeLists.txt as text, without CMake's variables, so that the address stands there more than once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ("panel", "registration", "demo")
ABOUT = "MMHVAESynthesis/MMHVAESynthesisLib/about.py"
#: Stands for the address that is not known yet.
PLACEHOLDER = "example.org"


def raw(repository: str) -> str:
    """Where the files of the main branch are downloaded from."""
    site = "https://github.com/"
    if repository.startswith(site):
        return repository.replace(site, "https://raw.githubusercontent.com/") + "/main"
    return f"{repository}/raw/main"


def in_cmake(text: str, repository: str) -> str:
    """``CMakeLists.txt`` with the address of the homepage and of the pictures."""
    pictures = " ".join(f"{raw(repository)}/Resources/Screenshots/{name}.png" for name in PICTURES)
    icon = f"{raw(repository)}/Resources/MMHVAE.png"
    for name, value in {"HOMEPAGE": repository, "ICONURL": icon, "SCREENSHOTURLS": pictures}.items():
        text = _replaced(rf'set\(EXTENSION_{name} "[^"]*"\)', f'set(EXTENSION_{name} "{value}")', text)
    return text


def in_entry(text: str, repository: str) -> str:
    """``MMHVAE.json``, the Index's entry."""
    return _replaced(r'"scm_url": "[^"]*"', f'"scm_url": "{repository}"', text)


def in_about(text: str, repository: str) -> str:
    """``about.py``, from where the modules' help has it."""
    text = _replaced(r'REPOSITORY = "[^"]*"', f'REPOSITORY = "{repository}"', text)
    return _replaced(r"IS_RELEASED = \w+", f"IS_RELEASED = {PLACEHOLDER not in repository}", text)


FILES: dict[str, Callable[[str, str], str]] = {
    "CMakeLists.txt": in_cmake, "Resources/MMHVAE.json": in_entry, ABOUT: in_about,
}  # fmt: skip


def _replaced(pattern: str, new: str, text: str) -> str:
    text, count = re.subn(pattern, lambda _: new, text)
    if count != 1:
        raise SystemExit(f"{pattern} stands {count} times where it should stand once; look at it.")
    return text


def main(arguments: list[str]) -> None:
    """Write the address into all files."""
    if len(arguments) != 1 or not re.fullmatch(r"https://[\w.-]+/[\w./-]*Slicer[\w-]*", arguments[0]):
        raise SystemExit("Give the repository's address, such as https://github.com/OWNER/SlicerMMHVAE.")
    for name, write in FILES.items():
        path = ROOT / name
        path.write_text(write(path.read_text(encoding="utf-8"), arguments[0]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
