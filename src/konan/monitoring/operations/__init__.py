"""How a deployment and its server are kept running: traffic, resources, and KPIs that users send."""
