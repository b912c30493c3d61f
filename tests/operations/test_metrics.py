"""``/metrics``: who may read them, and that they say what happened."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from devices.models import Record
from devices.redis_pool import redis
from inference.models import Alarm, MailDelivery
from inference.models.life_sign import Part
from inference.services.analysis import analyse_pending
from inference.services.life_signs import show_life
from patients.models import User
from telecardio.operations.counted import Reporter, counts_key, gauges_key
from telecardio.operations.figures import forget_figures, read_figures
from telecardio.processes import ROOT
from tests.devices.conftest import packet
from tests.operations import asynchronous

TOKEN = "a-token-of-more-than-twenty-characters"  # noqa: S105
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}

Scrape = Callable[[], dict[str, float]]


@pytest.fixture(autouse=True)
def token_is_set(settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    forget_figures()


@pytest.fixture
def scrape(db: None, client: Client) -> Scrape:
    """Return a function that asks as Prometheus does: sample -> value."""

    def ask() -> dict[str, float]:
        forget_figures()
        response = client.get("/metrics", headers=WITH_TOKEN)
        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/plain; version=0.0.4")
        return samples(response.text)

    return ask


def samples(text: str) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Return by how much each sample grew, of those that did."""
    changes = {name: value - before.get(name, 0) for name, value in after.items()}
    return {name: change for name, change in changes.items() if change}


@pytest.mark.parametrize(
    "who", ["anonymous", "alice", "charlie", "staff_user", "patient_user", "root"]
)
def test_it_is_not_there_for_people(
    client: Client, who: str, request: pytest.FixtureRequest, db: None
) -> None:
    if who != "anonymous":
        user: User = request.getfixturevalue(who)
        client.force_login(user)
    absent = client.get("/nothing-is-here")
    response = client.get("/metrics")
    assert response.status_code == 404
    assert "telecardio_" not in response.text
    assert re.sub(r"[A-Za-z0-9]{64}", "", response.text) == re.sub(
        r"[A-Za-z0-9]{64}", "", absent.text
    )


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"]
)
def test_it_is_not_there_for_a_wrong_token(client: Client, given: str, db) -> None:
    response = client.get("/metrics", headers={"Authorization": given})
    assert response.status_code == 404


@pytest.mark.parametrize("given", ["Bearer", "Bearer ", f"Bearer {TOKEN}"])
def test_it_is_there_for_nobody_without_a_token_in_the_settings(
    client: Client, settings, given: str, db
) -> None:
    settings.METRICS_TOKEN = ""
    response = client.get("/metrics", headers={"Authorization": given})
    assert response.status_code == 404


async def test_the_asynchronous_server_answers_too(transactional_db: None) -> None:
    response = await asynchronous.get("/metrics", WITH_TOKEN)
    assert response.status_code == 200
    told = samples(response.content.decode())
    assert told["telecardio_server_up{server=postgresql}"] == 1
    assert told["telecardio_server_up{server=redis}"] == 1
    assert (await asynchronous.get("/metrics")).status_code == 404


def test_it_refuses_a_short_token() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import telecardio.settings"],
        cwd=ROOT,
        env=os.environ | {"METRICS_TOKEN": "short"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Set METRICS_TOKEN to 20 or more" in done.stderr


def test_it_counts_packets_by_verdict_and_reason(upload, assignment, scrape) -> None:
    before = scrape()
    upload(packet(0), packet(1))
    upload(packet(0))
    upload(packet(1, samples=[5] * 250))
    upload(packet(2, fs=3))
    upload(packet(3, stream="0" * 16, leads=["II"]), packet(4, stream="0" * 16))
    upload(body=b"{")
    changes = grown(before, scrape())
    counted = {k: v for k, v in changes.items() if k.startswith("telecardio_packets")}
    assert counted == {
        "telecardio_packets_total{reason=,result=stored}": 3,
        "telecardio_packets_total{reason=,result=duplicate}": 1,
        "telecardio_packets_total{reason=,result=conflict}": 1,
        "telecardio_packets_total{reason=range,result=invalid}": 1,
        "telecardio_packets_total{reason=,result=stream_changed}": 1,
    }
    assert changes["telecardio_uploads_total{code=,status=200}"] == 2
    assert changes["telecardio_uploads_total{code=,status=207}"] == 2
    assert changes["telecardio_uploads_total{code=invalid_packet,status=422}"] == 1
    assert changes["telecardio_uploads_total{code=malformed,status=400}"] == 1
    assert changes["telecardio_upload_seconds_count"] == 6
    assert changes["telecardio_upload_seconds_bucket{le=+Inf}"] == 6
    assert 0 < changes["telecardio_upload_seconds_sum"] < 30


def test_it_counts_answers_that_redis_did_not_give(
    upload, assignment, scrape, settings, django_capture_on_commit_callbacks
) -> None:
    before = scrape()
    kept, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
    with django_capture_on_commit_callbacks(execute=True):
        assert upload(packet(0)).status_code == 200
    down = scrape()
    assert down["telecardio_server_up{server=redis}"] == 0
    assert down["telecardio_server_up{server=postgresql}"] == 1
    assert not [name for name in down if name.startswith("telecardio_packets")]
    settings.REDIS_URL = kept
    changes = grown(before, scrape())
    # The budget, the live stream, and asking for analysis.
    assert changes["telecardio_server_away_total{server=redis}"] >= 2
    # What was counted meanwhile is not lost.
    assert changes["telecardio_packets_total{reason=,result=stored}"] == 1


@pytest.mark.django_db(transaction=True)
def test_it_says_that_the_database_is_away(client: Client) -> None:
    kept = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict |= {"HOST": "127.0.0.1", "PORT": "1"}
    try:
        response = client.get("/metrics", headers=WITH_TOKEN)
    finally:
        connection.close()
        connection.settings_dict |= kept
    told = samples(response.text)
    assert response.status_code == 200
    assert told["telecardio_server_up{server=postgresql}"] == 0
    assert "telecardio_mails_pending" not in told
    assert "telecardio_upload_seconds_count" in told


def test_it_adds_up_several_processes(scrape, upload, assignment) -> None:
    scrape()
    upload(packet(0))
    mine = scrape()["telecardio_packets_total{reason=,result=stored}"]
    other = Reporter()
    # Another process that counted the same: it has told nothing yet.
    assert other.report()
    assert scrape()["telecardio_packets_total{reason=,result=stored}"] >= mine + 1
    assert other.report()
    again = scrape()["telecardio_packets_total{reason=,result=stored}"]
    assert again == scrape()["telecardio_packets_total{reason=,result=stored}"]


def test_it_forgets_the_viewers_of_a_process_that_was_killed(scrape) -> None:
    field = '["telecardio_live_viewers",{}]'
    now_s = timezone.now().timestamp()
    client = redis().client
    client.hset(gauges_key(), f"here:1:a {field}", json.dumps([3, now_s]))
    client.hset(gauges_key(), f"here:2:b {field}", json.dumps([4, now_s]))
    client.hset(gauges_key(), f"gone:3:c {field}", json.dumps([50, now_s - 60]))
    assert scrape()["telecardio_live_viewers"] == 7
    assert not client.hexists(gauges_key(), f"gone:3:c {field}")
    client.delete(gauges_key())


def test_it_counts_what_is_analysed_and_how_long_labels_take(
    upload, assignment, scrape
) -> None:
    before = scrape()
    upload(*[packet(seq) for seq in range(12)])
    behind = scrape()
    assert behind["telecardio_analysis_lag_seconds{queue=live}"] == 12
    assert behind["telecardio_analysis_lagging_records{queue=live}"] == 1
    analyse_pending(now=timezone.now())
    after = scrape()
    changes = grown(before, after)
    assert changes["telecardio_label_seconds_count"] == 1
    assert changes["telecardio_label_seconds_sum"] < 60
    assert changes["telecardio_analysed_seconds_total{queue=live}"] >= 11
    assert after["telecardio_analysis_lag_seconds{queue=live}"] <= 1
    assert after["telecardio_analysis_lagging_records{queue=live}"] == 0


def test_it_tells_a_backlog_from_live_records(upload, assignment, scrape) -> None:
    upload(packet(0))
    Record.objects.update(end_sample=250 * 3600)
    told = scrape()
    assert told["telecardio_analysis_lag_seconds{queue=backfill}"] == 3600
    assert told["telecardio_analysis_lagging_records{queue=backfill}"] == 1
    assert told["telecardio_analysis_lag_seconds{queue=live}"] == 0


def test_it_says_which_alarms_are_open_and_which_mails_wait(patient, scrape) -> None:
    now = timezone.now()
    alarm = {"patient": patient, "detail": "x", "annotator": "tc", "raised_at": now}
    opened = Alarm.objects.create(rule="VT", priority=3, onset_at=now, **alarm)
    Alarm.objects.create(
        rule="AF", priority=2, onset_at=now, end_at=now, state="cleared", **alarm
    )
    for minutes, tries in ((5, 1), (-5, 0)):
        MailDelivery.objects.create(
            alarm=opened,
            address=f"a{tries}@example.org",
            message_id="<1>",
            tries=tries,
            next_try_at=now - timedelta(minutes=minutes),
            queued_at=now,
        )
    show_life(Part.MAIL, now=now - timedelta(seconds=40))
    told = scrape()
    family = "telecardio_alarms_open"
    assert {k: v for k, v in told.items() if k.startswith(family)} == {
        "telecardio_alarms_open{priority=high,rule=VT}": 1
    }
    assert told["telecardio_mails_pending"] == 2
    assert told["telecardio_mails_retrying"] == 1
    assert 299 < told["telecardio_mail_overdue_seconds"] < 330
    assert 39 < told["telecardio_sign_of_life_age_seconds{part=mail}"] < 70


def test_it_asks_the_database_little_and_seldom(
    db, client, django_assert_num_queries, patient
) -> None:
    # Savepoint, time limit, lag, mails waiting and refused, alarms open and untold,
    # behind, signs, compaction, release.
    with django_assert_num_queries(11):
        client.get("/metrics", headers=WITH_TOKEN)
    with django_assert_num_queries(0):
        client.get("/metrics", headers=WITH_TOKEN)


def test_its_questions_use_indexes(db, django_assert_num_queries, assignment) -> None:
    history = timezone.now() - timedelta(days=90)
    Record.objects.bulk_create(
        Record(
            device=assignment.device,
            stream=f"{n:016x}",
            patient=assignment.patient,
            fs=250,
            leads=["I"],
            gain=1.0,
            baseline=0,
            started_at=history,
            # One after the other, as records come.
            last_received_at=history + timedelta(minutes=n),
        )
        for n in range(2000)
    )
    with django_assert_num_queries(11) as asked:
        read_figures(now=timezone.now())
    plans = []
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE devices_record")
        # The tables of mails and alarms are empty here: what is fastest there says
        # nothing of full ones, what is possible does.
        cursor.execute("SET LOCAL enable_seqscan = off")
        for one in asked.captured_queries:
            if one["sql"].startswith("SELECT") and "lifesign" not in one["sql"]:
                cursor.execute(f"EXPLAIN {one['sql']}")
                plans.append("\n".join(row[0] for row in cursor.fetchall()))
    lag, mails, untold, behind, alarms, refused, compaction = plans
    assert "record_received" in lag
    assert "record_received" in behind
    assert "mail_due" in mails
    assert "alarm_open" in alarms
    assert "alarm_to_notify" in untold
    assert "mail_failed" in refused
    # By what was received, or one by one by the record's key: which, full tables say.
    assert "Seq Scan" not in compaction, compaction


def test_it_keeps_the_sums_under_the_prefix_of_the_installation(scrape) -> None:
    scrape()
    assert redis().client.hlen(counts_key()) > 10
    assert 0 < redis().client.ttl(counts_key()) <= 30 * 24 * 3600
