"""How a window compares with the reference: distances, tests, faults, and the kind of a change (pure)."""
