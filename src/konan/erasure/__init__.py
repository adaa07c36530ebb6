"""Erasure of one person: everything that was kept of their predictions goes, wherever it lies."""
