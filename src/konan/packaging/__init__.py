"""A trained thing becomes a package: what it is, what it needs, what it takes and gives, what was proved."""
