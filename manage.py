#!/usr/bin/env python
"""Run Telecardio's management commands."""

import os
import sys

# These read or write files only, so they must not start a database.
WITHOUT_SERVERS = {"analyse", "collectstatic", "compilemessages", "makemessages"}


def main() -> None:
    """Start the embedded servers where they are needed, then the command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telecardio.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command not in WITHOUT_SERVERS | {"help", "--help", "--version"}:
        from telecardio.servers import ensure_servers

        ensure_servers()

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
