"""Faults, injected into the real service over real sinks: `python -m tests.faults --count N --seed S`."""
