"""How long it takes to erase one person, and how much is written again for it."""
