"""What a registration maximises: the weighted mean of several pairs' similarities, or with a prior the posterior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..images import Matrix
from .prior import PriorTerm
from .windows import Derivatives, WindowedSimilarity

Similarity = WindowedSimilarity[Any]

#: 1 - similarity is taken for this at least: images that agree perfectly do not silence a prior.
LEAST_RESIDUAL = 1e-3


class Differentiable(Protocol):
    """A function of poses that optimisers can climb."""

    def differentiate(self, poses: Matrix) -> Derivatives:
        """Values, gradients and Gauss-Newton Hessians at (B, 4, 4) poses."""


class Objective:
    """The weighted mean s of similarities that share one pose; with a prior, -log(1 - s) less its penalty (.prior).

    Args:
        terms: one similarity a pair of images, about one centre.
        weights: of the terms, positive; only their ratios matter.
        prior: None for maximum likelihood.
    """

    def __init__(self, terms: Sequence[Similarity], weights: Sequence[float], prior: PriorTerm | None = None) -> None:
        self.terms = tuple(terms)
        self.weights = np.array(weights, dtype=np.float64) / sum(weights)
        self.prior = prior

    def evaluate_terms(self, poses: Matrix) -> NDArray[np.float64]:
        """(C, B): the similarity of each of the C pairs at (B, 4, 4) poses."""
        return np.stack([term.evaluate(poses) for term in self.terms])

    def evaluate_similarity(self, poses: Matrix) -> NDArray[np.float64]:
        """(B,): the weighted mean of the similarities, without the prior."""
        mean: NDArray[np.float64] = self.weights @ self.evaluate_terms(poses)
        return mean

    def evaluate(self, poses: Matrix) -> NDArray[np.float64]:
        """(B,): what is maximised."""
        return self.with_prior(self.evaluate_similarity(poses), poses)

    def with_prior(self, similarities: NDArray[np.float64], poses: Matrix) -> NDArray[np.float64]:
        """(B,): what is maximised at (B, 4, 4) poses with these similarities (B,)."""
        if self.prior is None:
            return similarities
        return self.prior.differentiate(poses).values - np.log(_residual(similarities))

    def without_prior(self, values: NDArray[np.float64], poses: Matrix) -> NDArray[np.float64]:
        """(B,): the similarities (at most 1 - `LEAST_RESIDUAL`) with which (B, 4, 4) poses have these values."""
        if self.prior is None:
            return values
        similarities: NDArray[np.float64] = 1 - np.exp(self.prior.differentiate(poses).values - values)
        return similarities

    def differentiate_similarity(self, poses: Matrix) -> Derivatives:
        """The weighted mean of the similarities with its derivatives, without the prior."""
        parts = [term.differentiate(poses) for term in self.terms]
        return Derivatives(
            np.tensordot(self.weights, [part.values for part in parts], 1),
            np.tensordot(self.weights, [part.gradients for part in parts], 1),
            np.tensordot(self.weights, [part.hessians for part in parts], 1),
        )

    def differentiate(self, poses: Matrix) -> Derivatives:
        """What is maximised, with its derivatives."""
        mean = self.differentiate_similarity(poses)
        if self.prior is None:
            return mean
        residual, prior = _residual(mean.values), self.prior.differentiate(poses)
        return Derivatives(
            prior.values - np.log(residual),
            prior.gradients + mean.gradients / residual[:, None],
            prior.hessians + mean.hessians / residual[:, None, None],
        )

    def overlap(self, pose: Matrix) -> float:
        """The share of the field of view with moving image, of the pair that has least."""
        return min(term.overlap(pose) for term in self.terms)


def _residual(similarities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(1 - similarities, LEAST_RESIDUAL)
