"""The prediction log: the journal's entries as a typed table per deployment, and its readers."""
