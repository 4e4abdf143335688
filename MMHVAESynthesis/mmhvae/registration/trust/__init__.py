"""How far a registration's result can be trusted: evidence, witnesses, and a small calibrated model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...faces import lazy_names

if TYPE_CHECKING:
    from .assessment import Trust as Trust, assess as assess, conclude as conclude, worst_error as worst_error
    from .evidence import Evidence as Evidence
    from .model import (
        SHIPPED as SHIPPED,
        Term as Term,
        TrustModel as TrustModel,
        read_model as read_model,
    )
    from .reasons import witnessed as witnessed
    from .witnesses import (
        ULTRASOUND as ULTRASOUND,
        Witness as Witness,
        confirming_weight as confirming_weight,
        weighed as weighed,
    )
else:
    __getattr__ = lazy_names(__name__, __file__)
