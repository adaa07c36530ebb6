"""The nouns of Konan, defined once as msgspec structs: stored, sent and shown in the same form."""
