"""What those who run the platform ask of it: health, readiness, metrics."""
