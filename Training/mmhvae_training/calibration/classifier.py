"""Can simulated be told from real? Logistic regression, cross-validated by case, and what it goes by.

Samples of one case are never split between training and test, every case counts the same however many samples it
has, and both kinds count the same however many cases they have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

FOLDS = 6
PENALTY = 0.02  # on the squared coefficients of standardised features: few cases, many features
REPEATS = 10  # of the cross-validation, with other folds
NEWTON_STEPS, TOLERANCE = 30, 1e-8
RESAMPLES = 2000  # of the cases, for the interval

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """One feature, by case: real minus simulated in pooled standard deviations (Cohen's d), and the area under the
    ROC curve of that feature alone (0.5: no difference; direction set aside)."""

    feature: str
    family: str
    real: float
    simulated: float
    effect: float
    area: float
    coefficient: float


@dataclass(frozen=True)
class Separation:
    """How well simulated is told from real. Balanced accuracies are shares; 0.5 is chance.

    Attributes:
        accuracy: mean over the repeats; ``interval``: 95 %, by resampling cases.
        recall_real, recall_simulated: its two halves.
        families: balanced accuracy with one family of features alone.
        differences: by effect size, largest first.
    """

    cases_real: int
    cases_simulated: int
    samples_real: int
    samples_simulated: int
    accuracy: float
    interval: tuple[float, float]
    recall_real: float
    recall_simulated: float
    families: dict[str, float]
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Samples:
    """Features (N, F), whether each sample is real (N,), and the case it is from (N,)."""

    features: Array
    real: NDArray[np.bool_]
    case: NDArray[np.str_]

    @property
    def weights(self) -> Array:
        """(N,), summing to 1: both kinds alike, all cases of a kind alike."""
        _, which, counts = np.unique(self.case, return_inverse=True, return_counts=True)
        by_case = 1 / counts[which]
        kind = np.where(self.real, by_case[self.real].sum(), by_case[~self.real].sum())
        return by_case / kind / 2


def folds(real: Mapping[str, bool], count: int, seed: int) -> list[list[str]]:
    """Cases dealt into ``count`` disjoint groups, both kinds evenly; fewer where a kind has fewer cases.

    Raises:
        ValueError: a kind has fewer than two cases.
    """
    rng = np.random.default_rng(seed)
    kinds = [sorted(name for name, is_real in real.items() if is_real == kind) for kind in (True, False)]
    count = min(count, *map(len, kinds))
    if count < 2:
        raise ValueError("Cross-validation by case needs two real and two simulated cases.")
    groups: list[list[str]] = [[] for _ in range(count)]
    for names in kinds:
        for turn, index in enumerate(rng.permutation(len(names))):
            groups[turn % count].append(names[index])
    return groups


def fit(features: Array, real: NDArray[np.bool_], weights: Array) -> Array:
    """Coefficients (F + 1,), the intercept last, of the weighted, ridge-penalised logistic regression (by Newton)."""
    design = np.column_stack([features, np.ones(len(features))])
    penalty = np.full(design.shape[1], 2 * PENALTY)
    penalty[-1] = 1e-6  # the intercept is free
    beta = np.zeros(design.shape[1])
    for _ in range(NEWTON_STEPS):
        share = expit(design @ beta)
        slope = design.T @ (weights * (share - real)) + penalty * beta
        curvature = (design.T * (weights * share * (1 - share))) @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        beta = beta - step
        if np.abs(step).max() < TOLERANCE:
            break
    return np.asarray(beta)


def standardised(train: Samples, other: Array) -> Array:
    """``other`` (N, F) by the weighted mean and spread of ``train``; a feature that never varies becomes 0."""
    mean = train.weights @ train.features
    spread = np.sqrt(train.weights @ (train.features - mean) ** 2)
    return np.where(spread > 1e-9, (other - mean) / np.maximum(spread, 1e-9), 0)


def hit_rates(samples: Samples, seed: int, count: int = FOLDS) -> dict[str, float]:
    """Case -> share of its samples that a classifier trained on other cases gets right."""
    kinds = dict(zip(samples.case.tolist(), samples.real.tolist(), strict=True))
    rates: dict[str, float] = {}
    for group in folds(kinds, count, seed):
        held = np.isin(samples.case, group)
        train = Samples(samples.features[~held], samples.real[~held], samples.case[~held])
        beta = fit(standardised(train, train.features), train.real, train.weights)
        says_real = standardised(train, samples.features[held]) @ beta[:-1] + beta[-1] > 0
        right = says_real == samples.real[held]
        rates |= {name: float(right[samples.case[held] == name].mean()) for name in group}
    return rates


def separate(
    rows: Sequence[Mapping[str, float]], real: Sequence[bool], case: Sequence[str], families: Mapping[str, str]
) -> Separation:
    """Cross-validate, and rank the features.

    Args:
        rows: one a sample, feature -> value; real, case: one a sample; families: feature -> family.

    Raises:
        ValueError: a kind has fewer than two cases.
    """
    names = list(families)
    samples = Samples(
        np.array([[row[name] for name in names] for row in rows], float), np.array(real, bool), np.array(case, str)
    )
    rates, kinds = _repeated(samples)
    by_family = {
        family: _balanced(*_repeated(_only(samples, [families[name] == family for name in names])))
        for family in dict.fromkeys(families.values())
    }
    return Separation(
        cases_real=int(kinds.sum()),
        cases_simulated=int((~kinds).sum()),
        samples_real=int(samples.real.sum()),
        samples_simulated=int((~samples.real).sum()),
        accuracy=_balanced(rates, kinds),
        interval=_interval(rates, kinds),
        recall_real=float(rates[kinds].mean()),
        recall_simulated=float(rates[~kinds].mean()),
        families=dict(sorted(by_family.items(), key=lambda item: -item[1])),
        differences=_differences(samples, families),
    )


def _only(samples: Samples, keep: list[bool]) -> Samples:
    return Samples(samples.features[:, keep], samples.real, samples.case)


def _repeated(samples: Samples) -> tuple[Array, NDArray[np.bool_]]:
    """Hit rate of every case, averaged over the repeats, and whether the case is real."""
    kinds = dict(zip(samples.case.tolist(), samples.real.tolist(), strict=True))
    names = sorted(kinds)
    runs = [hit_rates(samples, seed) for seed in range(REPEATS)]
    return np.array([[run[name] for name in names] for run in runs]).mean(0), np.array([kinds[name] for name in names])


def _balanced(rates: Array, real: NDArray[np.bool_]) -> float:
    return float(rates[real].mean() + rates[~real].mean()) / 2


def _interval(rates: Array, real: NDArray[np.bool_]) -> tuple[float, float]:
    """95 % of the balanced accuracies when the cases of each kind are drawn anew, with replacement."""
    rng = np.random.default_rng(0)
    halves = [rng.choice(rates[kind], (RESAMPLES, int(kind.sum()))).mean(1) for kind in (real, ~real)]
    low, high = np.percentile((halves[0] + halves[1]) / 2, (2.5, 97.5))
    return float(low), float(high)


def _differences(samples: Samples, families: Mapping[str, str]) -> tuple[Difference, ...]:
    names = np.unique(samples.case)
    means = np.array([samples.features[samples.case == name].mean(0) for name in names])  # (cases, F)
    real = np.array([samples.real[samples.case == name][0] for name in names])
    beta = fit(standardised(samples, samples.features), samples.real, samples.weights)
    found = []
    for index, (name, family) in enumerate(families.items()):
        a, b = means[real, index], means[~real, index]
        pooled = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
        effect = float((a.mean() - b.mean()) / pooled) if pooled > 0 else 0.0
        above = float((np.sign(a[:, None] - b[None]) + 1).mean() / 2)
        area = max(above, 1 - above)
        found.append(Difference(name, family, float(a.mean()), float(b.mean()), effect, area, float(beta[index])))
    return tuple(sorted(found, key=lambda difference: -abs(difference.effect)))
