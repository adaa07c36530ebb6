"""What the prediction log costs: flushing, paging, idle deployments."""
