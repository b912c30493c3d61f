"""Benchmarks: ``python -m bench.analysis --json`` prints how fast the analysis is."""
