"""The demonstration: everything on this machine, with simulated patients."""
