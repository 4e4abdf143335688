"""The Slicer-facing side of MMHVAESynthesis."""
