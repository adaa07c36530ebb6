"""The data plane: everything between a request and its answer."""
