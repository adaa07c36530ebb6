"""Everything of a server in one archive, made while it serves, and put back into an empty data directory."""
