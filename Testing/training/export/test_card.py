"""The card of a run whose record says too little is refused; what a whole one gives, the researchers' path shows."""

from __future__ import annotations

import pytest
from mmhvae import InputError
from mmhvae.network import MMHVAE, MMHVAEConfig
from mmhvae_training.export import model_card

TINY = MMHVAEConfig(image_size=16, base_features=4, max_features=4, num_pools=1, decoder_features=4, decoder_blocks=1)


@pytest.mark.parametrize("cases", [{}, {"cases": ["a"]}, {"cases": {"a": ["us"]}, "incomplete": "b"}])
def test_a_record_without_its_cases_is_one_sentence(cases):
    run = {"commit": "c", "config": {}, **cases}
    with pytest.raises(InputError, match=r"does not say which cases it read; restore it, or give --card\.$"):
        model_card("name", MMHVAE(TINY), 1.0, run, {"run": "r", "step": 1, "commit": "c"}, "data", "licence", "use")
