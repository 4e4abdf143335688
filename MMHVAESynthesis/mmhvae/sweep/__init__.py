"""Tracked ultrasound frames: read, write, reconstruct."""
