"""The report of a deployment as one page that needs nothing else: no network, no script."""
