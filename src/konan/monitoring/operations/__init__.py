"""How a deployment and its server are kept running: traffic, resources, and what users measure themselves."""
