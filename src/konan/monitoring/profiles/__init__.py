"""What was sent, counted: cells, profiles of windows, and how they stay equal to a count of the log."""
