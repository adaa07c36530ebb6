"""What hiding private columns costs."""
