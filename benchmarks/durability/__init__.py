"""What the log costs the throughput of predictions."""
