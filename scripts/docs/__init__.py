"""What `scripts/update-docs` makes out of the code."""
