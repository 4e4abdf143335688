"""Wheels of next to nothing, and lists of them as the shipped ones are."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path


def make_wheel(folder: Path, name: str, version: str = "1.0", needs: str = "", ballast: bytes = b"") -> Path:
    """A wheel of a package that holds nothing but its version and some ballast."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + (
        f"Requires-Dist: {needs}\n" if needs else ""
    )
    files = {
        f"{name}/__init__.py": f'__version__ = "{version}"\n'.encode(),
        f"{name}/ballast.bin": ballast,
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    records = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        records.append(f"{path},sha256={digest},{len(content)}")
    files[f"{info}/RECORD"] = "\n".join([*records, f"{info}/RECORD,,", ""]).encode()
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return wheel


def make_list(path: Path, wheels: list[Path]) -> Path:
    """A list of these wheels, as the shipped ones are written."""
    lines = ["# $ python -m pip download", ""]
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        content = wheel.read_bytes()
        lines.append(
            f"{name}=={version} --hash=sha256:{hashlib.sha256(content).hexdigest()}  # {wheel.name} {len(content)}"
        )
    path.write_text("\n".join(lines) + "\n")
    return path
