"""Rigid displacement of an image by its header, as a pre-operative MR lies displaced in the operating room."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk


def displace(image: sitk.Image, rigid: sitk.Euler3DTransform) -> sitk.Image:
    """The same voxels elsewhere: what lay at the LPS point p now lies at ``rigid.TransformPoint(p)``.

    Nothing is resampled; only origin and direction change.
    """
    direction = np.asarray(rigid.GetMatrix()).reshape(3, 3) @ np.asarray(image.GetDirection()).reshape(3, 3)
    moved = sitk.Image(image)
    moved.SetOrigin(rigid.TransformPoint(image.GetOrigin()))
    moved.SetDirection(direction.ravel().tolist())
    return moved
