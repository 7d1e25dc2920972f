"""Bytes that nobody meant: in the test suite by hypothesis, for hours by `scripts/fuzz` (atheris)."""
