"""Real data: datasets as hospitals and archives keep them -> prepared cases that slices.py reads, and their splits."""
