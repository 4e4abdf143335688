"""The whole job: pre-operative MRs onto an ultrasound, by way of synthetic MRs, and how far that can be trusted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import SimpleITK as sitk
import torch

from ..bundle import Bundle, Manifest, load_bundle
from ..compute import MEMORY_FULL, choose_device, where_it_fits
from ..exceptions import InputError, Progress, no_progress, part_of
from ..images import MODALITIES, check_volume, field_of_view, modality, with_zero_background
from ..settings import Metric, RegistrationSettings
from ..sweep import Reconstruction, Sweep, reconstruct
from ..synthesis import SynthesisResult, synthesize
from .channels import Channel
from .masks import within_region
from .rigid import RigidResult, register_channels
from .trust import Trust, assess

#: Shares of the progress at which a sweep is a volume, and the synthetic MRs are there; of the rest, at which the
#: pose is found.
RECONSTRUCTED, SYNTHESISED, REGISTERED = 0.2, 0.6, 0.5


class SyntheticImages(Protocol):
    """Synthetic MRs by modality in the ultrasound's place, and the uncertainty of those that have one."""

    @property
    def images(self) -> Mapping[str, sitk.Image]: ...

    @property
    def uncertainty(self) -> Mapping[str, sitk.Image]: ...


@dataclass(frozen=True)
class CaseResult:
    """What :func:`register_case` returns.

    Attributes:
        registration: the pose, and how similar the images are.
        trust: how far it can be trusted.
        ultrasound: the volume; of a sweep, its reconstruction.
        synthetic: what the MRs were registered to; None where that was the ultrasound itself.
        settings: with which it was done.
        device, seconds, notice: how the work went.
        model: what the bundle says of itself; None where none took part.
        reconstruction: of the sweep, where it was one.
        region_share: of the field of view that lies within the region, 0 to 1; None where there was no region.
    """

    registration: RigidResult
    trust: Trust
    ultrasound: sitk.Image
    synthetic: SyntheticImages | None
    settings: RegistrationSettings
    device: str
    seconds: float
    notice: str = ""
    model: Manifest | None = None
    reconstruction: Reconstruction | None = None
    region_share: float | None = None

    @property
    def transform(self) -> sitk.Euler3DTransform:
        """Points of the ultrasound -> points of the MRs, LPS mm."""
        return self.registration.transform


def register_case(
    ultrasound: sitk.Image | Sweep,
    mrs: Mapping[str, sitk.Image],
    bundle: Bundle | None = None,
    settings: RegistrationSettings | None = None,
    initial: sitk.Transform | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    *,
    synthetic: SyntheticImages | None = None,
    mask: sitk.Image | None = None,
    region: sitk.Image | None = None,
) -> CaseResult:
    """Synthesise what is needed, register all contrasts at once around the navigation's pose, and judge the result.

    Args:
        ultrasound: a volume, LPS mm, or tracked frames, which are reconstructed first.
        mrs: modality ("t2", "cet1", "flair") -> pre-operative MR, where the navigation shows it; on any grids.
        bundle: the model; by default the one that ships with the software. Where synthetic images are given: of which
            they are, so that trust knows how strong each contrast is.
        settings: method, prior, and how synthesis and reconstruction are done.
        initial: a rigid transform, ultrasound points -> MR points in LPS mm, to start from; by default the
            navigation's, the identity.
        device: auto, cpu, cuda or mps; where a GPU's memory runs out, the CPU takes over.
        progress: called often; raising :class:`mmhvae.Cancelled` in it stops the work.
        synthetic: synthetic images that are there already, one for each MR; then no model takes part.
        mask: the ultrasound's field of view; by default it is looked for.
        region: voxels above 0 are the part of the ultrasound that counts, on any grid; by default all of it.

    Returns:
        Of which ``transform`` takes points of the ultrasound to points of the MRs, and ``trust`` says how far to
        believe it.

    Raises:
        InputError: an image, a setting or the start cannot be used; the sentence says what to do.
    """
    started, progress = time.monotonic(), progress or no_progress
    settings, chosen = settings or RegistrationSettings(), choose_device(device)
    require_mrs(mrs)
    there = _prepared(ultrasound, mrs, bundle, settings, chosen, progress, synthetic)
    seen, share = there.seen(mask, region)
    pairs = CasePairs.of(there.ultrasound, mrs, settings, initial, there.synthetic, seen, there.strength)
    (registration, trust), used = pairs.run(chosen, part_of(progress, there.done, 1.0))
    fell_back = used != chosen or (there.made is not None and torch.device(there.made.device).type != chosen.type)
    return CaseResult(
        registration,
        trust,
        there.ultrasound,
        there.synthetic,
        settings,
        device=str(used),
        seconds=time.monotonic() - started,
        notice=MEMORY_FULL if fell_back else "",
        model=there.model,
        reconstruction=there.reconstruction,
        region_share=share,
    )


@dataclass(frozen=True)
class _Prepared:
    """What the MRs are registered to; ``done``: the share of the work that is behind."""

    ultrasound: sitk.Image
    reconstruction: Reconstruction | None = None
    synthetic: SyntheticImages | None = None
    made: SynthesisResult | None = None
    model: Manifest | None = None
    strength: Mapping[str, float] = field(default_factory=dict)
    done: float = 0.0

    def seen(self, mask: sitk.Image | None, region: sitk.Image | None) -> tuple[sitk.Image | None, float | None]:
        """The field of view, None where it has to be looked for; and the region's share of it, where there is one."""
        field = self.made.field_of_view if mask is None and self.made is not None else mask
        if region is None:
            return field, None
        us = check_volume(self.ultrasound, "ultrasound")
        return within_region(field_of_view(with_zero_background(us, "ultrasound")) if field is None else field, region)


def _prepared(
    ultrasound: sitk.Image | Sweep,
    mrs: Mapping[str, sitk.Image],
    bundle: Bundle | None,
    settings: RegistrationSettings,
    device: torch.device,
    progress: Progress,
    synthetic: SyntheticImages | None,
) -> _Prepared:
    """Reconstruct and synthesise what is not there; the MRs take no part, since they may not lie where they belong."""
    there = _Prepared(ultrasound)
    if isinstance(ultrasound, Sweep):
        part = part_of(progress, 0.0, RECONSTRUCTED)
        frames = reconstruct(ultrasound, settings=settings.reconstruction, progress=part)
        there = _Prepared(frames.volume, frames, done=RECONSTRUCTED)
    if settings.method == "direct":
        return there
    if synthetic is not None:
        return replace(there, synthetic=synthetic, strength={} if bundle is None else bundle.manifest.strength)
    bundle, part = bundle or load_bundle(), part_of(progress, there.done, SYNTHESISED)
    made = synthesize(
        bundle, {"us": there.ultrasound}, list(mrs), device=str(device), progress=part, settings=settings.synthesis
    )
    model = bundle.manifest
    return replace(there, synthetic=made, made=made, model=model, strength=model.strength, done=SYNTHESISED)


def require_mrs(mrs: Mapping[str, object]) -> None:
    """Refuse images that are no pre-operative MRs.

    Raises:
        InputError: there is none, or one of another modality.
    """
    if not mrs:
        raise InputError("There is no pre-operative MR to register; give at least one.")
    for name in mrs:
        if not modality(name).is_mr:
            raise InputError(f"The moving image {name} is no MR; give t2, cet1 or flair.")


@dataclass(frozen=True)
class CasePairs:
    """The images of a case as pairs that share one pose, all in one space, LPS mm.

    Attributes:
        channels: the pairs.
        ultrasound: for trust's second opinion; None where there is none.
        mask: the field of view.
        initial: the pose to start from, ultrasound points -> MR points; None for the identity.
    """

    channels: tuple[Channel, ...]
    ultrasound: sitk.Image | None
    mask: sitk.Image
    initial: sitk.Transform | None
    settings: RegistrationSettings

    @staticmethod
    def of(
        ultrasound: sitk.Image,
        mrs: Mapping[str, sitk.Image],
        settings: RegistrationSettings,
        initial: sitk.Transform | None = None,
        synthetic: SyntheticImages | None = None,
        mask: sitk.Image | None = None,
        strength: Mapping[str, float] | None = None,
    ) -> CasePairs:
        """Each MR with its synthetic image, or with the ultrasound itself; arguments as for :func:`register_case`.

        ``strength`` of the synthetic images by modality, as :class:`mmhvae.bundle.Manifest` has it.

        Raises:
            InputError: a synthetic image is missing, or an image is none.
        """
        require_mrs(mrs)
        us = check_volume(ultrasound, "ultrasound")
        seen = field_of_view(with_zero_background(us, "ultrasound")) if mask is None else mask
        channels = []
        for name in (name for name in MODALITIES if name in mrs):
            if settings.method == "direct":
                channels.append(Channel(us, mrs[name], seen, name=name))
                continue
            if synthetic is None or name not in synthetic.images:
                raise InputError("The synthetic images are not those of the MRs; give a pair of each contrast.")
            fixed, uncertainty = synthetic.images[name], synthetic.uncertainty.get(name)
            known = (strength or {}).get(name)
            pair = Channel(fixed, mrs[name], seen, signed=True, uncertainty=uncertainty, name=name, strength=known)
            channels.append(pair)
        return CasePairs(tuple(channels), us, seen, initial, settings)

    @property
    def metric(self) -> Metric:
        """By which they are registered and judged."""
        return "lc2" if self.settings.method == "direct" else "correlation"

    def register(self, device: str = "auto", progress: Progress | None = None) -> RigidResult:
        """The pose, without a verdict on it."""
        return register_channels(
            self.channels,
            self.initial,
            device,
            progress,
            preview=self.settings.preview,
            prior=self.settings.prior,
            metric=self.metric,
        )

    def judge(self, result: RigidResult, device: str = "auto", progress: Progress | None = None) -> Trust:
        """How far a pose can be trusted."""
        prior, metric = self.settings.prior, self.metric
        return assess(self.channels, result, self.initial, self.ultrasound, self.mask, prior, device, progress, metric)

    def run(
        self, device: torch.device, progress: Progress = no_progress
    ) -> tuple[tuple[RigidResult, Trust], torch.device]:
        """Both, on the device or, where its memory runs out, on the CPU; and which it was."""

        def on(where: torch.device) -> tuple[RigidResult, Trust]:
            result = self.register(str(where), part_of(progress, 0.0, REGISTERED))
            return result, self.judge(result, str(where), part_of(progress, REGISTERED, 1.0))

        return where_it_fits(on, device, progress)
