"""The Slicer-facing side of MMHVAESynthesis."""  # noqa: N999 - a name of Slicer's making
