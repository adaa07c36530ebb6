"""Drift and quality of a deployment as somebody asks for them."""
