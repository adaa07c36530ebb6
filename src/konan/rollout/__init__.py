"""What is live when, and who decided it."""
