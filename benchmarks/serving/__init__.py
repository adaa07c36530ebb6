"""Serving throughput, latency, CPU and memory: Konan beside its peers, on one core each."""
