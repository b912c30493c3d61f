"""Register a device and print its token."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from devices.models import Device
from devices.services import AssignmentError, assign_device, issue_token
from patients.models import Patient


class Command(BaseCommand):
    """``manage.py issue_token SERIAL [--name NAME] [--patient CODE]``."""

    help = (
        "Register a device (if its serial number is new) and print a token for it. "
        "The token is shown this once only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the serial number, and who wears the device from now on."""
        parser.add_argument("serial")
        parser.add_argument("--name", default="", help="of a new device")
        parser.add_argument("--patient", metavar="CODE", help="wears it from now on")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token alone, so that a shell can keep it in a variable."""
        serial, code = options["serial"], options["patient"]
        device, _ = Device.objects.get_or_create(
            serial=serial, defaults={"name": options["name"]}
        )
        if device.retired_at is not None:
            message = f"{serial} is retired: clear that in the administration first."
            raise CommandError(message)
        if code is not None:
            patient = Patient.objects.filter(code=code).first()
            if patient is None:
                raise CommandError(f"There is no patient with the code {code}.")
            try:
                assign_device(device=device, patient=patient)
            except AssignmentError as error:
                raise CommandError(str(error)) from error
        self.stdout.write(issue_token(device=device))
