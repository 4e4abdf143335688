"""How good synthesis from real ultrasound is where no true MR exists: what must hold of any good result.

Agreement of results that should not differ (slicing axes, flips), the way back (iUS -> MR -> iUS), stability over
samples; and guards, because a constant image agrees with itself perfectly and a copy of the ultrasound finds its way
back perfectly. All inside the field of view; results are harmonised to [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import SimpleITK as sitk
from mmhvae.bundle import Bundle
from mmhvae.exceptions import InputError, Progress, no_progress
from mmhvae.images import bounding_box, field_of_view, image_on, resampled_within
from mmhvae.settings import SynthesisSettings
from numpy.typing import NDArray
from scipy import ndimage

from ..single_precision import synthesize

AXES = (0, 1, 2)
SCALE_MM = 3.0  # of the Gaussian window of local correlation
FLOOR = 0.01  # local spread, in harmonised units, under which a window shows nothing: it correlates with nothing
FLAT = 0.02  # spatial standard deviation under which a result counts as constant
COPIED = 0.9  # correlation with the ultrasound, either sign, above which a result counts as its copy
UNRELATED = 0.03  # structure above chance under which a result has nothing to do with the ultrasound

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


#: Draws of what is judged. The product takes more, `SynthesisSettings.samples`; but the tables in cards/ (starter.md,
#: registration, trust) and the trust model were made with these, and are to be compared with what is judged next.
JUDGED_SAMPLES = 3


@dataclass(frozen=True)
class Settings:
    """How much work to do.

    Attributes:
        spacing: mm, to which a finer ultrasound is brought first; None: as it is.
        extent: mm, side of the central cube that is looked at; None: everything.
        samples: of the stability at ``temperature``; everything else is at temperature 0.
    """

    spacing: float | None = 1.0
    extent: float | None = None
    samples: int = JUDGED_SAMPLES
    temperature: float = SynthesisSettings.temperature
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.samples < 2:
            raise InputError("Stability is measured over samples; ask for 2 or more.")
        if self.spacing is not None and not self.spacing > 0:
            raise InputError("The spacing should be above 0 mm; 0 on the command line keeps the volume's own.")
        if self.extent is not None and not self.extent > 0:
            raise InputError("The extent should be above 0 mm; leave it out to look at everything.")


def global_correlation(a: Array, b: Array, mask: Mask) -> float:
    """Pearson correlation over ``mask``; 0 where either is constant."""
    x, y = (v[mask].astype(np.float64) - v[mask].mean(dtype=np.float64) for v in (a, b))
    scale = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / scale) if scale > 0 else 0.0


def local_correlation(a: Array, b: Array, mask: Mask, spacing: tuple[float, ...], magnitude: bool = False) -> float:
    """Mean over ``mask`` of the correlation in Gaussian windows of ``SCALE_MM``, of its magnitude if so asked.

    Arrays (k, j, i), ``spacing`` in the same order. ``FLOOR`` added to the local variances keeps windows that show
    nothing at 0: blur cannot agree with blur.
    """
    sigma = [SCALE_MM / s for s in spacing]
    weight = np.maximum(ndimage.gaussian_filter(mask.astype(np.float32), sigma, truncate=3), 1e-3)

    def mean(x: Array) -> Array:
        smooth: Array = ndimage.gaussian_filter(np.where(mask, x, 0).astype(np.float32), sigma, truncate=3) / weight
        return smooth

    a, b = (x - np.float32(x[mask].mean()) for x in (a, b))
    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a**2 + FLOOR**2, mean(b * b) - mean_b**2 + FLOOR**2
    correlation = (mean(a * b) - mean_a * mean_b) / np.sqrt(np.maximum(variance_a * variance_b, FLOOR**4))
    return float((np.abs(correlation) if magnitude else correlation)[mask].mean())


def reduced(us: sitk.Image, settings: Settings) -> sitk.Image:
    """``us`` at the settings' resolution, and only its central cube.

    Raises:
        InputError: nothing, or nearly nothing, is left.
    """
    field = field_of_view(us)
    if settings.spacing is not None and min(us.GetSpacing()) < 0.9 * settings.spacing:
        size = [max(2, round(n * s / settings.spacing)) for n, s in zip(us.GetSize(), us.GetSpacing(), strict=True)]
        grid = sitk.Image(size, sitk.sitkUInt8)
        grid.SetSpacing([settings.spacing] * 3)
        grid.SetOrigin(us.GetOrigin())
        grid.SetDirection(us.GetDirection())
        values, share = resampled_within(us, field, grid)
        us, field = image_on(np.where(share > 0.5, values, 0), grid), image_on((share > 0.5).astype(np.uint8), grid)
    if settings.extent is not None:
        us = _central(us, field, settings.extent)
    if min(us.GetSize()) < 8:
        raise InputError(
            "Fewer than 8 voxels an axis are left of the ultrasound; choose a larger extent or resolution."
        )
    return us


def _central(us: sitk.Image, field: sitk.Image, extent: float) -> sitk.Image:
    """The cube of side ``extent`` (mm) around the middle of the field of view."""
    start, size = bounding_box(field)
    spacing = us.GetSpacing()
    kept = [min(n, max(1, round(extent / s))) for n, s in zip(size, spacing, strict=True)]
    first = [a + (n - m) // 2 for a, n, m in zip(start, size, kept, strict=True)]
    return sitk.RegionOfInterest(us, kept, first)


def judge(
    bundle: Bundle, us: sitk.Image, settings: Settings | None = None, progress: Progress = no_progress
) -> dict[str, float]:
    """All measures of one ultrasound volume, by name.

    For every target: ``axes`` and ``flips``, global and local agreement; ``spread``, spatial standard deviation;
    ``structure``, mean magnitude of the local correlation with the ultrasound, and ``chance``, the same with the
    mirrored ultrasound; ``copy``, global correlation with the ultrasound; ``instability``, mean standard deviation
    over samples divided by ``spread``; ``degenerate``, 1 where a guard speaks. ``back`` from each target and from all
    together: correlation of iUS -> target -> iUS with the ultrasound. ``itself``: iUS -> iUS, what can be reached.

    Raises:
        InputError: the bundle knows no ultrasound or nothing else, or the volume cannot be used.
    """
    settings = settings or Settings()
    targets = [name for name in bundle.network.config.modalities if name != "us"]
    if "us" not in bundle.network.config.modalities or not targets:
        raise InputError("The bundle must know us and at least one other modality to be judged on ultrasound.")
    work = _Judgement(bundle, reduced(us, settings), targets, settings)
    rows: dict[str, float] = {}
    for turn, part in enumerate((work.axes, work.flips, work.guards, work.back, work.stability)):
        progress(turn / 5, part.__name__)
        rows |= part()
    rows |= work.degenerate(rows)
    progress(1.0, "done")
    return rows


class _Judgement:
    """One volume under judgement: the runs that several measures share are done once."""

    def __init__(self, bundle: Bundle, us: sitk.Image, targets: list[str], settings: Settings) -> None:
        self.bundle, self.us, self.targets, self.settings = bundle, us, targets, settings
        self.mask: Mask = sitk.GetArrayFromImage(field_of_view(us)) > 0
        i, j, k = us.GetSpacing()
        self.spacing = (k, j, i)
        values = sitk.GetArrayFromImage(us).astype(np.float32)
        self.ultrasound: Array = np.clip(values / np.percentile(values[self.mask], 99.95), 0, 1)
        self.by_axis = [self._run({"us": us}, [*targets, "us"], axis) for axis in AXES]
        self.mean = {name: np.mean([run[name] for run in self.by_axis], axis=0) for name in targets}

    def _run(self, inputs: Mapping[str, sitk.Image], targets: list[str], axis: int) -> dict[str, Array]:
        result = synthesize(
            self.bundle, inputs, targets, 0.0, device=self.settings.device, reference=self.us, slice_axis=axis
        )
        return {name: sitk.GetArrayFromImage(image) for name, image in result.images.items()}

    def _agreement(self, name: str, pairs: list[tuple[Array, Array]]) -> dict[str, float]:
        both = [(global_correlation(*p, self.mask), local_correlation(*p, self.mask, self.spacing)) for p in pairs]
        whole, local = np.mean(both, axis=0)
        return {f"{name} global": float(whole), f"{name} local": float(local)}

    def axes(self) -> dict[str, float]:
        """Mean agreement of the three pairs of slicing axes."""
        rows: dict[str, float] = {}
        for name in self.targets:
            rows |= self._agreement(f"{name} axes", [(a[name], b[name]) for a, b in combinations(self.by_axis, 2)])
        return rows

    def flips(self) -> dict[str, float]:
        """Each axis mirrored in turn, sliced along another: along itself, only the order of the slices would change."""
        pairs: dict[str, list[tuple[Array, Array]]] = {name: [] for name in self.targets}
        for axis in AXES:
            side, along = 2 - axis, (axis + 1) % 3  # array axes are (k, j, i)
            mirrored = image_on(np.flip(sitk.GetArrayFromImage(self.us), side).copy(), self.us)
            result = synthesize(
                self.bundle, {"us": mirrored}, self.targets, 0.0, device=self.settings.device, slice_axis=along
            )
            for name in self.targets:
                turned = np.flip(sitk.GetArrayFromImage(result.images[name]), side)
                pairs[name].append((turned, self.by_axis[along][name]))
        rows: dict[str, float] = {}
        for name in self.targets:
            rows |= self._agreement(f"{name} flips", pairs[name])
        return rows

    def guards(self) -> dict[str, float]:
        """What the mean over the axes shows, and how it relates to the ultrasound."""
        rows: dict[str, float] = {}
        mirrored = np.flip(self.ultrasound, 0)
        both = self.mask & np.flip(self.mask, 0)
        for name, image in self.mean.items():
            rows[f"{name} spread"] = float(image[self.mask].std())
            rows[f"{name} copy"] = global_correlation(image, self.ultrasound, self.mask)
            rows[f"{name} structure"] = local_correlation(image, self.ultrasound, self.mask, self.spacing, True)
            overlap = both if both.any() else self.mask
            rows[f"{name} chance"] = local_correlation(image, mirrored, overlap, self.spacing, True)
        return rows

    def back(self) -> dict[str, float]:
        """From the synthetic MR to the ultrasound again, sliced along the bundle's axis."""
        axis = self.bundle.manifest.slice_axis
        images = {name: self._visible(image) for name, image in self.mean.items()}
        ways = {name: [name] for name in self.targets} | {"all": self.targets}
        rows: dict[str, float] = {}
        for way, names in ways.items():
            again = self._run({name: images[name] for name in names}, ["us"], axis)["us"]
            rows |= self._agreement(f"{way} back", [(again, self.ultrasound)])
        return rows | self._agreement("itself", [(self.by_axis[axis]["us"], self.ultrasound)])

    def _visible(self, image: Array) -> sitk.Image:
        """As input: a little above 0 in the whole field of view, so that black tissue stays inside it."""
        return image_on(np.where(self.mask, image + 1e-3, 0).astype(np.float32), self.us)

    def stability(self) -> dict[str, float]:
        """Mean standard deviation over samples, in units of the image's own spatial spread."""
        result = synthesize(
            self.bundle,
            {"us": self.us},
            self.targets,
            self.settings.temperature,
            samples=self.settings.samples,
            seed=self.settings.seed,
            device=self.settings.device,
        )
        rows = {}
        for name in self.targets:
            spread = sitk.GetArrayFromImage(result.images[name])[self.mask].std()
            deviation = sitk.GetArrayFromImage(result.uncertainty[name])[self.mask].mean()
            rows[f"{name} instability"] = float(deviation / max(float(spread), 1e-6))
        return rows

    def degenerate(self, rows: Mapping[str, float]) -> dict[str, float]:
        """1 where a target is constant, a copy of the ultrasound, or unrelated to it."""
        return {f"{name} degenerate": float(_is_degenerate(rows, name)) for name in self.targets}


def _is_degenerate(rows: Mapping[str, float], name: str) -> bool:
    related = rows[f"{name} structure"] - rows[f"{name} chance"] >= UNRELATED
    return rows[f"{name} spread"] < FLAT or abs(rows[f"{name} copy"]) > COPIED or not related


def judgement_table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown: one line a measure, one column a volume, and the mean of all."""
    names = list(rows)
    lines = ["| measure | " + " | ".join(names) + " | mean |", "|---" * (len(names) + 2) + "|"]
    for measure in rows[names[0]]:
        values = [rows[name][measure] for name in names]
        cells = [f"{value:.2f}" if "degenerate" not in measure else ("yes" if value else "no") for value in values]
        lines.append(f"| {measure} | " + " | ".join(cells) + f" | {np.mean(values):.2f} |")
    return "\n".join(lines) + "\n"
