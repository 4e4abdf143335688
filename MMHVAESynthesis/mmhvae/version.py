"""The version of the core, and so of the extension that bundles it."""

__version__ = "0.1.0"
