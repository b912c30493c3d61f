"""Django's PostgreSQL backend, with a check of connections that costs no time."""
