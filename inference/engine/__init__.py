"""The compiled analysis, before it takes its place."""
