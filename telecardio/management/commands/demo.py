"""``manage.py demo``: everything on this machine, with simulated patients."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from devices.simulator.body_format import FORMATS
from telecardio.demo.headless import run_headless
from telecardio.demo.interactive import run_interactive
from telecardio.processes import ProcessError


class Command(BaseCommand):
    """Run the demonstration until Ctrl-C, or headless for some seconds."""

    help = (
        "Run web, ingest, worker and beat here with 8 simulated patients, a mail "
        "server and a page for its mails. With --json: headless, in a database of "
        "its own, printing one JSON object."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--ingest-port", type=int, default=8001)
        parser.add_argument("--seconds", type=float, default=0, help="0: until Ctrl-C")
        parser.add_argument("--packet-s", type=float, default=1.0)
        parser.add_argument(
            "--format", choices=FORMATS, default="json", help="of the packets"
        )
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--reload", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it."""
        body_format = FORMATS[options["format"]]
        try:
            if options["json"]:
                seconds = options["seconds"] or 60
                figures = run_headless(
                    seconds=seconds,
                    packet_s=options["packet_s"],
                    body_format=body_format,
                )
                self.stdout.write(json.dumps(figures))
                if figures["lost"]:
                    sys.exit(1)
            else:
                run_interactive(
                    host=options["host"],
                    port=options["port"],
                    ingest_port=options["ingest_port"],
                    seconds=options["seconds"] or None,
                    packet_s=options["packet_s"],
                    body_format=body_format,
                    reload=options["reload"],
                )
        except ProcessError as error:
            raise CommandError(str(error)) from error
