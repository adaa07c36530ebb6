"""The append-only record of predictions, on disk before an answer is sent."""
