"""The command says whether mail works, or what to change."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from telecardio.processes import free_port
from tests.inference.conftest import MailServer


def test_it_sends_one_mail_and_shows_the_answer(mail_server: MailServer) -> None:
    said = StringIO()
    call_command("send_test_mail", "alice@example.org", stdout=said)
    assert mail_server.addresses == ["alice@example.org"]
    assert "250 kept as number 1" in said.getvalue()


def test_it_names_the_settings_of_a_server_that_is_away(settings: Settings) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    with pytest.raises(CommandError, match="Check EMAIL_HOST and EMAIL_PORT"):
        call_command("send_test_mail", "alice@example.org")


def test_it_names_the_settings_of_an_unknown_host(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.invalid"
    with pytest.raises(CommandError, match="check EMAIL_HOST"):
        call_command("send_test_mail", "alice@example.org")


def test_it_says_when_encryption_does_not_fit(
    mail_server: MailServer, settings: Settings
) -> None:
    settings.EMAIL_USE_TLS = True
    with pytest.raises(CommandError, match="EMAIL_USE_TLS"):
        call_command("send_test_mail", "alice@example.org")


def test_it_says_when_the_recipient_is_refused(mail_server: MailServer) -> None:
    mail_server.refusals = ["550 no such mailbox"]
    with pytest.raises(CommandError, match="550 no such mailbox"):
        call_command("send_test_mail", "alice@example.org")
