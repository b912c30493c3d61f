"""How many packets per second the ingest server takes durably, and what it could."""
