"""Everything about the network: its card, the runtime that executes it, the delegates, and the frame-to-mask step."""
