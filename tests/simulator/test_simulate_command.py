"""``manage.py simulate`` as a person types it."""

import json
import os
import signal
import threading
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from devices.models import Assignment, Chunk, Device, Record
from patients.models import Patient


def simulate(*options: str) -> str:
    out = StringIO()
    call_command("simulate", "--no-progress", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_it_enrols_devices_and_says_in_json_what_was_stored(live_server, alice):
    options = ["--url", live_server.url, "--devices", "3", "--seconds", "5"]
    options += ["--speed", "0", "--json", "--doctor", alice.email]
    said = json.loads(simulate(*options))
    assert said["nothing_lost"] is True
    assert said["stored"] == said["packets_sent"] == 15
    assert said["samples_sent"] == said["samples_stored"] == 3 * 5 * 250
    assert [one["signal"] for one in said["devices"]] == ["sinus", "pvc", "af"]
    assert Patient.objects.visible_to(alice).count() == 3
    # A second run uses the same devices and records something new.
    simulate(*options[:-3], "--seconds", "120")
    assert Device.objects.count() == Assignment.objects.count() == 3
    assert Record.objects.count() == 6


@pytest.mark.django_db(transaction=True)
def test_it_prints_packets_sent_stored_and_repeated(live_server):
    said = simulate(
        *("--url", live_server.url, "--devices", "1", "--scripts", "vt"),
        *("--seconds", "3", "--speed", "0"),
    )
    assert "packets: 3 sent, 3 stored, 0 repeated" in said


def interrupt_once_stored() -> None:
    """Press Ctrl-C when the first packet is in the database."""
    try:
        until = time.monotonic() + 30
        while not Chunk.objects.exists() and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_it_stops_cleanly_on_ctrl_c(live_server):
    thread = threading.Thread(target=interrupt_once_stored)
    thread.start()
    options = ["--devices", "2", "--seconds", "60", "--packet-s", "0.2", "--json"]
    said = json.loads(simulate("--url", live_server.url, *options))
    thread.join()
    assert said["nothing_lost"] is True
    assert 0 < said["stored"] < 600


@pytest.mark.django_db(transaction=True)
def test_it_says_what_is_wrong(live_server, tmp_path):
    with pytest.raises(CommandError, match="Nothing answers at http://127.0.0.1:9"):
        simulate("--url", "http://127.0.0.1:9")
    with pytest.raises(CommandError, match="No WFDB records in"):
        simulate("--url", live_server.url, "--records", str(tmp_path))
    with pytest.raises(CommandError, match="No script is called 'tango'"):
        simulate("--url", live_server.url, "--scripts", "tango", "--seconds", "1")
    with pytest.raises(CommandError, match="give --seconds"):
        simulate("--url", live_server.url, "--speed", "10")
    with pytest.raises(CommandError, match="No doctor has the address"):
        simulate("--url", live_server.url, "--doctor", "nobody@example.org")
    with pytest.raises(CommandError, match="not START:END"):
        simulate("--url", live_server.url, "--outage", "5")
    tokens = tmp_path / "tokens"
    tokens.write_text(json.dumps({"serial": "A", "token": "tcd_" + "x" * 43}))
    with pytest.raises(CommandError, match="does not accept the token"):
        simulate("--url", live_server.url, "--tokens", str(tokens))
    assert not Device.objects.exists()
