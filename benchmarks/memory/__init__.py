"""How much memory the platform takes, process by process."""
