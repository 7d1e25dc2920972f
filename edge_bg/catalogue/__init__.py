"""Many pictures: planned, shared out to processes or machines, taken up again after an interruption, and shown."""
