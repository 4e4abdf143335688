"""What a step minimises: the mixture's subsets, the ELBO of a pass, image losses, the adversarial game."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmhvae.faces import lazy_names

if TYPE_CHECKING:
    from .adversarial import (
        discriminators_loss as discriminators_loss,
        fakes_of as fakes_of,
        generator_loss as generator_loss,
        new_discriminators as new_discriminators,
        real_images as real_images,
        sees_discriminators as sees_discriminators,
    )
    from .elbo import (
        Pass as Pass,
        PassResult as PassResult,
        backward_through_encoders as backward_through_encoders,
        draw_pass as draw_pass,
        leaves_of as leaves_of,
        negative_elbo as negative_elbo,
        run_pass as run_pass,
    )
    from .losses import image_loss as image_loss
    from .pools import ImagePool as ImagePool
    from .subsets import (
        Subset as Subset,
        draw_subset as draw_subset,
        enumerated_subsets as enumerated_subsets,
        subsets_of as subsets_of,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)
