"""What was sent, counted: cells, profiles of windows, and how they stay equal to a count of the log."""

FOLDER = "profiles"
"""Where the profiles of a log are, beside its table."""

LAYOUT = ".layout"
"""Ending of the files, named by the numbers of versions, that say what is counted of their rows."""
