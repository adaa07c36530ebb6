"""What windows are compared with: made of the rows given at deploy, or of the first live ones."""
