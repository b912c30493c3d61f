"""The whole platform while its processes are killed, and what must hold afterwards."""
