"""What a run is: typed settings, one group an idea. Times are in epochs, counted from 0, and may be fractions.

The defaults are those of MODEL.md's column "ours": the authors' release where the paper is silent or impractical.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from mmhvae.network import MMHVAEConfig

from .run_settings import EpochsConfig, RunSettings, require

Norm = Literal["l1", "l2"]


@dataclass(frozen=True)
class DataConfig:
    """Which slices a step sees.

    Args:
        cases: folder with one folder a case; a modality without a file is missing.
        incomplete: a second folder of the same kind, drawn with probability ``incomplete_share`` (order: random).
        splits: CSV with the columns case,split; only cases of ``split`` are read.
        spacing: mm of the slices' pixels.
        batch_size: B of Algorithm 1, over all devices together.
        order: ``each_case`` draws once from every case in an epoch; ``random`` draws cases with replacement.
        slices: ``consecutive`` along the third axis with left-right flips, as the paper's release; ``scattered`` over
            a case along any axis with all flips, for few and small cases.
        intensity_changes: random gamma and noise on the inputs.
        ultrasound_changes: random gain fields and blur on the ultrasound, in which simulated and real ones differ.
        unseen_modality: what to do where no case has a modality: ``refuse``, or ``train_the_rest``.
    """

    cases: Path
    incomplete: Path | None = None
    incomplete_share: float = 0.0
    splits: Path | None = None
    split: str = "train"
    spacing: float = 0.5
    batch_size: int = 16
    order: Literal["each_case", "random"] = "each_case"
    slices: Literal["consecutive", "scattered"] = "consecutive"
    intensity_changes: bool = False
    ultrasound_changes: bool = False
    unseen_modality: Literal["refuse", "train_the_rest"] = "refuse"

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, "data.batch_size should be at least 1.")
        require(self.spacing > 0, "data.spacing should be positive.")
        require(0 <= self.incomplete_share <= 1, "data.incomplete_share should be between 0 and 1.")


@dataclass(frozen=True)
class VariantConfig:
    """Departures from the network, for ablations only (Table 2); they cannot be exported as a bundle.

    Args:
        groups: which of z_1, ..., z_L are latent variables, L among them; None: all.
        fusion: ``product`` of experts, ``average`` of deterministic features, or ``zeros``, one encoder of all
            modalities concatenated, with zeros where one is missing.
    """

    groups: tuple[int, ...] | None = None
    fusion: Literal["product", "average", "zeros"] = "product"

    @property
    def plain(self) -> bool:
        """Whether the network is the core's own."""
        return self.groups is None and self.fusion == "product"


@dataclass(frozen=True)
class MixtureConfig:
    """Which subsets r' a step encodes (section 4.2).

    Args:
        subsets: ``paper`` draws ``per_step`` of them: all observed, iUS alone, or random MR, 1/3 each. ``release``
            takes every MR subset in turn, one update with it, iUS alone and all observed.
        per_step: T of Algorithm 1.
        temperatures: range of the noise's factor, drawn for each pass; the ELBO's is 1.
    """

    subsets: Literal["paper", "release"] = "paper"
    per_step: int = 3
    temperatures: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        require(self.per_step >= 1, "mixture.per_step should be at least 1.")
        require(0 <= self.temperatures[0] <= self.temperatures[1], "mixture.temperatures should be a rising range.")


@dataclass(frozen=True)
class LossConfig:
    """The negative ELBO (equations 9 and 19).

    Args:
        norm: of the image loss: ``l2`` squared (paper) or ``l1`` halved (release), each a mean over pixels.
        correlation_weight: of one minus the local correlation, added to either.
        fluid_weight: of pixels in a ventricle or cyst, by the cases' label maps; the others weigh 1.
        observed: ``mean`` over the observed modalities (release), or their ``sum`` over M (equation 9 to scale).
        kl_weight: lambda_KL, on the divergence in nats over voxels x M.
        kl_warmup: epochs in which it grows linearly from 0.
        kl_limit: divergence (nats over voxels x M) above which the run stops as exploded.
    """

    norm: Norm = "l1"
    correlation_weight: float = 0.0
    fluid_weight: float = 1.0
    observed: Literal["mean", "sum"] = "mean"
    kl_weight: float = 0.001
    kl_warmup: float = 50.0
    kl_limit: float = 1e4

    def __post_init__(self) -> None:
        require(self.fluid_weight >= 0, "loss.fluid_weight should not be negative.")


@dataclass(frozen=True)
class AdversarialConfig:
    """The GAN term with one discriminator a modality (section 3.5), least squares as in the release.

    Args:
        weight: lambda_GAN; 0 trains without discriminators.
        pools_from, discriminators_from, generator_from: epochs in which each of them begins.
        passes: outputs that the generator's term sees: ``partial``, of iUS alone and of MR alone, or ``all``.
        missing: whether discriminators of missing modalities train too, against real images from their pool
            (Algorithm 1, lines 26 to 33), or ``skip``, as the release does.
        base_width: of the discriminators' first layer; the next ones have 2 and 4 times as many channels.
        learning_rate: of Adam.
        pool_size, pool_drawn: real images kept a modality, and how many of them a step draws.
    """

    weight: float = 0.025
    pools_from: float = 789.0
    discriminators_from: float = 790.0
    generator_from: float = 800.0
    passes: Literal["partial", "all"] = "partial"
    missing: Literal["train", "skip"] = "train"
    base_width: int = 64
    learning_rate: float = 2e-4
    pool_size: int = 32
    pool_drawn: int = 16

    def __post_init__(self) -> None:
        require(self.weight >= 0, "adversarial.weight should not be negative.")
        require(1 <= self.pool_drawn <= self.pool_size, "adversarial.pool_drawn should be between 1 and pool_size.")


@dataclass(frozen=True)
class AdamaxConfig(EpochsConfig):
    """Adamax with a cosine over the whole run.

    Args:
        reset_at: epoch at which Adamax forgets its moments while the learning rate goes on; None: never.
    """

    learning_rate: float = 2e-3
    final_learning_rate: float = 1e-4
    reset_at: float | None = 780.0

    def three_steps(self) -> AdamaxConfig:
        """Three epochs of a step, with a reset."""
        return replace(self, epochs=3, steps_per_epoch=1, reset_at=1)


@dataclass(frozen=True, kw_only=True)
class Configuration(RunSettings):
    """A run of MMHVAE; ``start_from`` is another run or a bundle, whose weights it begins with."""

    data: DataConfig
    architecture: MMHVAEConfig = field(default_factory=MMHVAEConfig)
    variant: VariantConfig = field(default_factory=VariantConfig)
    mixture: MixtureConfig = field(default_factory=MixtureConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    optimisation: AdamaxConfig = field(default_factory=AdamaxConfig)
    start_from: Path | None = None

    def shared_sizes(self) -> dict[str, int]:
        """Settings that must divide evenly among the devices."""
        drawn = {"adversarial.pool_drawn": self.adversarial.pool_drawn} if self.adversarial.weight > 0 else {}
        return super().shared_sizes() | drawn

    def rehearsal(self, folder: Path) -> Configuration:
        """Three steps that go through every phase: pools, discriminators, generator, reset, all outputs."""
        adversarial = replace(self.adversarial, pools_from=0, discriminators_from=1, generator_from=2)
        return replace(super().rehearsal(folder), adversarial=adversarial)

    def network_description(self) -> dict[str, Any]:
        """What a checkpoint says of its network."""
        return {"architecture": asdict(self.architecture), "variant": asdict(self.variant)}
