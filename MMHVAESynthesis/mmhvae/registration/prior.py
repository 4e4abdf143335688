"""A prior on the pose around the navigation's start, for a maximum a posteriori estimate.

With D = start^-1 pose, w the rotation vector of D and t its translation (the displacement of the field of view's
centre), the prior's energy is

    E = |w|^2 / (2 s_w^2) + |t|^2 / (2 s_t^2).

It is set against the likelihood of the images. Under a linear relation between the two with Gaussian noise, the
log-likelihood of n independent samples is -n/2 log(1 - rho^2) up to a constant, or -n/2 log(1 - rho) where the relation
is known to be the identity. With the similarity s in the place of rho^2 or rho, what is maximised is

    -log(1 - s) - E / (n/2).

Tissue varies over about a centimetre, hence one independent sample a cubic centimetre of the field of view.
"""

from __future__ import annotations

import numpy as np

from ..images import Matrix, inverse, rotation_vectors
from ..settings import PosePrior
from .windows import Derivatives

#: Edge in mm of the cube that counts as one independent sample.
INDEPENDENT = 10.0


class PriorTerm:
    """E / (n/2) of a prior around one start, as a function of poses relative to the same centre.

    Args:
        prior: its deviations.
        start: (4, 4) the pose at which it peaks.
        samples: n, how many independent samples the images hold.
    """

    def __init__(self, prior: PosePrior, start: Matrix, samples: float) -> None:
        self.from_start = inverse(start)
        turning, moving = np.deg2rad(prior.rotation_deg) ** -2.0, prior.translation_mm**-2.0
        #: (6,) the inverse variances of rotations and translations, over n/2.
        self.precisions = np.array([turning] * 3 + [moving] * 3) / (0.5 * samples)

    def differentiate(self, poses: Matrix) -> Derivatives:
        """Minus E / (n/2) at (B, 4, 4) poses, its derivatives by twists of the pose, as for a similarity.

        The gradient is exact: w is an eigenvector of the derivative of the rotation vector by a further rotation, with
        eigenvalue 1. The Hessian leaves out the curvature of the rotations (Gauss-Newton).
        """
        relative = self.from_start @ poses
        turned = rotation_vectors(relative[:, :3, :3])
        moved = np.einsum("bji,bj->bi", relative[:, :3, :3], relative[:, :3, 3])  # in the pose's own axes
        offsets = np.concatenate([turned, moved], 1)
        values = -0.5 * (offsets**2) @ self.precisions
        hessians = np.broadcast_to(np.diag(self.precisions), (len(poses), 6, 6)).copy()
        return Derivatives(values, -offsets * self.precisions, hessians)
