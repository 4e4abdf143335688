"""The registration module's library; it stands on MMHVAESynthesisLib and the core, which are found first."""

from .synthesis_module import find_synthesis

find_synthesis()
