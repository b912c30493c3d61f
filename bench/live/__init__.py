"""Many devices in real time against the whole platform on one machine."""
