"""Make the first administrator of an installation."""

import getpass
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from patients.services import FirstAdminError, create_first_admin, has_admin

# Given for this one command, never on its command line, which others can read.
VARIABLE = "FIRST_ADMIN_PASSWORD"


class Command(BaseCommand):
    """``manage.py first_admin EMAIL``."""

    help = (
        "Make the first administrator, who then makes the other accounts. The password "
        f"is asked for, or taken from {VARIABLE}. Where there is an administrator, "
        "nothing happens."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address with which the administrator will sign in."""
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *, email: str, **_: Any) -> None:
        """Make the account, or say why not."""
        if has_admin():
            self._say_there_is_one()
            return
        try:
            made = create_first_admin(email=email.strip(), password=_password())
        except FirstAdminError as error:
            raise CommandError(f"No account was made. {error}") from error
        if made is None:
            self._say_there_is_one()
            return
        self.stdout.write(f"{made.email} is the administrator and may sign in.")

    def _say_there_is_one(self) -> None:
        self.stdout.write("There is an administrator already; nothing was changed.")


def _password() -> str:
    if given := os.environ.get(VARIABLE):
        return given
    if not sys.stdin.isatty():
        message = (
            f"No account was made. Run this in a terminal, or set {VARIABLE} for this "
            "one command."
        )
        raise CommandError(message)
    first, again = getpass.getpass("Password: "), getpass.getpass("Once more: ")
    if first != again:
        raise CommandError("No account was made. The two passwords differ.")
    return first
