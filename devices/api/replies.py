"""The reply to an upload: one verdict per packet, and the status that sums them up."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse

from devices.api.problems import problem
from devices.codec import Decoded, Packet
from devices.metrics import PACKETS
from devices.services import Result, StoreResult, Verdict

_FINE = {Result.STORED, Result.DUPLICATE}
_NOT_HERE = {Result.NO_PATIENT, Result.STREAM_CHANGED}
_TEXTS = {
    Result.NO_PATIENT: "Nobody wore this device at that time. Nothing was stored.",
    Result.STREAM_CHANGED: (
        "This stream belongs to another assignment or another form of signal, or "
        "leaves out more than a day: open a new stream and send the packets again "
        "in it."
    ),
}


def reply(decoded: Decoded, stored: StoreResult, *, now: datetime) -> HttpResponse:
    """Return 200, 207, 409 or 422; ``stored`` is what came of the valid packets."""
    assert stored.device is not None
    verdicts = _in_order(decoded, stored.verdicts)
    for verdict in verdicts:
        PACKETS.labels(verdict.result.value, verdict.error).inc()
    results = {verdict.result for verdict in verdicts}
    body = {
        "packets": [_as_json(verdict) for verdict in verdicts],
        "next_seq": stored.next_seq,
        "missing": [list(gap) for gap in stored.missing],
        "server_time": iso_ms(now),
        "config": stored.device.config_version,
    }
    if results <= _NOT_HERE:
        first = verdicts[0].result
        return problem(409, first.value, _TEXTS[first], members=body)
    if len(verdicts) == 1 and results == {Result.INVALID}:
        only = verdicts[0]
        text = f"{only.field}: {only.reason}."
        why = {"field": only.field, "error": only.error, "reason": only.reason}
        return problem(422, "invalid_packet", text, members=why | body)
    return HttpResponse(
        json.dumps(body),
        status=200 if results <= _FINE else 207,
        content_type="application/json",
    )


def iso_ms(at: datetime) -> str:
    """Return a UTC time as devices read it: milliseconds and a Z."""
    text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _in_order(decoded: Decoded, stored: Sequence[Verdict]) -> list[Verdict]:
    on_valid = iter(stored)
    return [
        next(on_valid)
        if isinstance(item, Packet)
        else Verdict(item.seq, Result.INVALID, item.code, item.field, item.reason)
        for item in decoded.items
    ]


def _as_json(verdict: Verdict) -> dict[str, Any]:
    told: dict[str, Any] = {"seq": verdict.seq, "result": verdict.result.value}
    if verdict.result == Result.INVALID:
        told |= {"error": verdict.error, "field": verdict.field}
        told["reason"] = verdict.reason
    return told
