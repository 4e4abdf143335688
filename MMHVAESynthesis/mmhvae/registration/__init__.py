"""Rigid registration of a pre-operative image to the field of view of an intra-operative one, and its error (TRE)."""
