"""The rigid registration that brings pairs of landmarks nearest to each other."""

from __future__ import annotations

import numpy as np
import vtk
from mmhvae import InputError
from MMHVAESynthesisLib.nodes import Matrix, to_array
from slicer.i18n import tr as _

from .landmarks import Pairs, Points

FEWEST = 3
#: Millimetres that the points have to spread to the second side, or a turn about their line is left open.
SPREAD = 2.0


def rigid_fit(pairs: Pairs) -> Matrix:
    """(4, 4), from where the navigation shows the MR to the ultrasound, RAS mm in world; least squares (Horn, 1987).

    Raises:
        InputError: there are too few pairs, or they lie on one line.
    """
    if len(pairs.names) < FEWEST:
        raise InputError(_("Place {count} pairs at least; more make it better.").format(count=FEWEST))
    if min(_second_spread(pairs.fixed), _second_spread(pairs.moving)) < SPREAD:
        raise InputError(_("The points lie on one line, which leaves a turn open; place one beside it."))
    fit = vtk.vtkLandmarkTransform()
    fit.SetModeToRigidBody()
    fit.SetSourceLandmarks(_vtk_points(pairs.moving))
    fit.SetTargetLandmarks(_vtk_points(pairs.fixed))
    fit.Update()
    return to_array(fit.GetMatrix())


def _second_spread(points: Points) -> float:
    """Millimetres, the root mean square distance of the points along their second principal axis."""
    spreads = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return float(spreads[1] / np.sqrt(len(points)))


def _vtk_points(points: Points) -> vtk.vtkPoints:
    made = vtk.vtkPoints()
    made.SetDataTypeToDouble()
    for point in points:
        made.InsertNextPoint(*map(float, point))
    return made
