"""Ground truth: what was true after all, kept beside the predictions that it is about."""
