"""How fast a backup is made, and what it costs those who are served meanwhile."""
