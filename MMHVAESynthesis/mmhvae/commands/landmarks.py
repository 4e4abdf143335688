"""The command ``mmhvae tre``: how far apart landmarks are, before and after a registration."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .command_line import add_command

if TYPE_CHECKING:
    from .command_line import Commands


def add_tre(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "tre", _tre, "Target registration error at landmarks.")
    parser.add_argument("--transform", type=Path, metavar="T.tfm", help="fixed points -> moving points")
    parser.add_argument(
        "--landmarks",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="one .tag file (MRI, then ultrasound), or fixed.mrk.json moving.mrk.json",
    )


def _tre(options: argparse.Namespace) -> None:
    import SimpleITK as sitk

    from ..images import read_transform
    from ..registration import read_landmarks, target_registration_error

    fixed, moving = read_landmarks(options.landmarks)
    before = target_registration_error(sitk.Euler3DTransform(), fixed, moving)
    after = None
    if options.transform:
        transform = read_transform(options.transform)
        after = target_registration_error(transform, fixed, moving)
    for index, error in enumerate(before):
        print(f"{index + 1:4d}  {error:8.2f} mm" + (f" -> {after[index]:8.2f} mm" if after is not None else ""))
    print(f"mean  {before.mean():8.2f} mm" + (f" -> {after.mean():8.2f} mm" if after is not None else ""))
