"""Evidence that may be looked at at any time: bets, detectors, confidence sequences (pure)."""
