"""The registration module's library; it stands on MMHVAESynthesisLib and the core, which are found first."""  # noqa: N999 - Slicer names libraries so

from .neighbour import find_synthesis

find_synthesis()
