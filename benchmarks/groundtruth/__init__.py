"""What it costs to tell the truth for very many predictions."""
