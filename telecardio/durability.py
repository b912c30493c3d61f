"""Whether PostgreSQL keeps what it has said to have committed."""

from django.db import connection

SETTINGS = ("fsync", "full_page_writes", "synchronous_commit")


class DurabilityError(ValueError):
    """PostgreSQL may lose commits: a figure of it would be worth nothing."""


def durability_settings() -> dict[str, str]:
    """Read the settings from the server; raise :class:`DurabilityError` if one is off.

    What is read holds for this connection's role and database.
    """
    found = {}
    with connection.cursor() as cursor:
        for name in SETTINGS:
            cursor.execute(f"SHOW {name}")
            (found[name],) = cursor.fetchone() or ("",)
    if set(found.values()) != {"on"}:
        raise DurabilityError(
            f"PostgreSQL is not durable here: {found}. Turn all of them on."
        )
    return found
