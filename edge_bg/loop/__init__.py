"""What the loop runs on: one-slot mailboxes between its stages, and the figures it keeps."""
