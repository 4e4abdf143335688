"""Stand-ins of Slicer's qMRML widgets, and of the main window that holds them."""
