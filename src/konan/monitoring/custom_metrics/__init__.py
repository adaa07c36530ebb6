"""Metrics that people write in Python: read the rows, run their program locked in, tell what it says."""
