"""Keys and what they may do: how they are made, checked and limited."""
