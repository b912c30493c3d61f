"""What the analysis of live records costs, with everything that stores its results."""
