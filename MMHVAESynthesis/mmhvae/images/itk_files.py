"""The only calls of ITK's readers and writers: names of any bytes go in, and what ITK says about a file comes out.

SimpleITK ends the process at a name that is not UTF-8, and ITK tells on standard error what it ignored or guessed.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import SimpleITK as sitk

from ..exceptions import InputNotice
from ..files import scratch_folder
from .fatal_files import require_harmless

_PLACE = re.compile(r"WARNING: In .*, line \d+")
_SPEAKER = re.compile(r"^\w+ \(0x[0-9a-f]+\):\s*")
_FAILURE = re.compile(r"fail|error|not read completely|corrupt", re.IGNORECASE)
_lock = threading.RLock()


def read_image(path: Path, speaker: Path | None = None) -> sitk.Image:
    """Any image that ITK reads; raises RuntimeError where it cannot. What ITK says is told, with ``path``'s name.

    Args:
        path: of the file.
        speaker: named in what is told, in place of ``path``.
    """
    require_harmless(path)
    with _named_for_itk(path) as name, heard() as words:
        image = sitk.ReadImage(name)
    if any(_FAILURE.search(said) for said in paragraphs(words)):
        raise RuntimeError(" ".join(words))  # said, and then passed over
    tell(words, speaker or path)
    return image


def image_format(path: Path) -> str:
    """What ITK would read the file with, such as ``NrrdImageIO``; empty where it knows no way."""
    with _named_for_itk(path) as name, heard():
        try:
            return str(sitk.ImageFileReader.GetImageIOFromFileName(name))
        except RuntimeError:
            return ""


def file_notes(path: Path) -> str:
    """What a file of ITK's says of itself; empty where it says nothing or is no image."""
    try:
        return str(read_information(path).GetMetaData("ITK_FileNotes"))
    except RuntimeError:
        return ""


def read_information(path: Path) -> sitk.ImageFileReader:
    """A reader that knows size, place and fields of an image, and no voxel; raises RuntimeError where ITK cannot."""
    require_harmless(path)
    reader = sitk.ImageFileReader()
    with _named_for_itk(path) as name, heard() as words:
        reader.SetFileName(name)
        reader.ReadImageInformation()
    tell(words, path)
    return reader


def write_image(image: sitk.Image, path: Path, compress: bool = True) -> list[str]:
    """Write ``image`` over an existing file; raises RuntimeError where ITK cannot. Returns what it said."""
    with _named_for_itk(path) as name, heard() as words:
        sitk.WriteImage(image, name, useCompression=compress)
    return words


def read_transform_file(path: Path) -> tuple[sitk.Transform, list[str]]:
    """The first transform of a file, and what was said about the others; raises RuntimeError or KeyError."""
    require_harmless(path)
    with _named_for_itk(path) as name, heard() as words:
        transform = sitk.ReadTransform(name)
    return transform, paragraphs(words)


def write_transform_file(transform: sitk.Transform, path: Path) -> None:
    """Write ``transform`` over an existing file; raises RuntimeError where ITK cannot. Whoever calls reads it back."""
    with _named_for_itk(path) as name, heard():
        sitk.WriteTransform(transform, name)


@contextmanager
def heard() -> Iterator[list[str]]:
    """Lines that C libraries print on standard error within the block; complete when it ends."""
    lines: list[str] = []
    with _lock, _nameless_file() as caught:
        if sys.stderr is not None:
            sys.stderr.flush()
        try:
            kept = os.dup(2)
        except OSError:  # closed
            kept = -1
        os.dup2(caught, 2)
        try:
            yield lines
        finally:
            if kept < 0:
                if caught != 2:
                    os.close(2)
            else:
                os.dup2(kept, 2)
                os.close(kept)
            os.lseek(caught, 0, os.SEEK_SET)
            with open(caught, "rb", closefd=False) as stream:
                lines += stream.read().decode("utf-8", "replace").splitlines()


@contextmanager
def _nameless_file() -> Iterator[int]:
    if hasattr(os, "memfd_create"):  # no disk that could be full
        handle = os.memfd_create("itk")
        try:
            yield handle
        finally:
            os.close(handle)
    else:
        with tempfile.TemporaryFile() as stream:
            yield stream.fileno()


def paragraphs(lines: list[str]) -> list[str]:
    """What ITK said, without the places in its source, each thing once."""
    text = "\n".join("" if _PLACE.match(line) else line.strip() for line in lines)
    said = (_SPEAKER.sub("", " ".join(part.split())) for part in re.split(r"\n\s*\n", text))
    return list(dict.fromkeys(part for part in said if part))


def tell(lines: list[str], path: Path) -> None:
    """Pass on what ITK said about a file."""
    for said in paragraphs(lines):
        warnings.warn(InputNotice(f"{path.name}: {said[:300]}"), stacklevel=3)


@contextmanager
def _named_for_itk(path: Path) -> Iterator[str]:
    """A name of the file that ITK can take: its own, or that of a link to it."""
    name = os.fspath(path)
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        with scratch_folder() as folder:
            yield str(_linked(path, folder))
    else:
        yield name


def _linked(path: Path, folder: Path) -> Path:
    """Links to ``path`` and, by their own names, to the files that belong to it, such as the voxels of a header."""
    place, stem = os.path.abspath(path.parent), path.name.partition(".")[0]
    if not path.name[len(stem) :].isascii():
        raise RuntimeError("no format has such a suffix")
    for sibling in os.listdir(place):
        if sibling.partition(".")[0] == stem:
            (folder / sibling).symlink_to(os.path.join(place, sibling))
            clean = "image" + sibling[len(stem) :]
            if clean.isascii() and not (folder / clean).exists():
                (folder / clean).symlink_to(os.path.join(place, sibling))
    return folder / f"image{path.name[len(stem) :]}"
