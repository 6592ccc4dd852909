"""Measured against the plain alternative: ``python -m benchmarks.NAME [--quick] [--json FILE]``."""
