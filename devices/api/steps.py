"""The steps from the headers of an upload to what is stored of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from django.http.response import HttpResponseBase

from devices.api.authentication import invalid_token
from devices.api.problems import Problem
from devices.api.trusted_tokens import trusted_tokens
from devices.codec import BINARY_TYPE, DECODERS, JSON_TYPE, Decoded, Packet
from devices.metrics import UPLOAD_SECONDS, UPLOADS
from devices.services import (
    Arrival,
    StoreResult,
    TokenClosed,
    read_progress,
    store_packets,
)

# The least a packet costs of the device's budget, in seconds of signal.
_LEAST_S = 0.1


def decoder_of(headers: Mapping[str, str]) -> Callable[[bytes], Decoded]:
    """Return what decodes the body's type, or a problem 415."""
    kind, _, parameters = headers.get("Content-Type", "").partition(";")
    kind = kind.strip().lower()
    charset = parameters.replace(" ", "").replace('"', "").lower()
    in_utf8 = charset in ("", "charset=utf-8")
    encoding = headers.get("Content-Encoding", "identity").lower()
    if kind in DECODERS and in_utf8 and encoding == "identity":
        return DECODERS[kind]
    text = f"This server takes {JSON_TYPE} in UTF-8 and {BINARY_TYPE}, not compressed."
    accepted = {"Accept-Post": ", ".join(DECODERS)}
    raise Problem(415, "unsupported_type", text, headers=accepted)


def signal_s(decoded: Decoded) -> float:
    """Return what a body costs of its device's budget."""
    return sum(
        max(item.duration_s if isinstance(item, Packet) else 0.0, _LEAST_S)
        for item in decoded.items
    )


def store(arrival: Arrival, stream: str | None) -> StoreResult:
    """Store one upload; ``stream`` is the body's, also if no packet of it is valid."""
    device, token = arrival.device, arrival.token
    try:
        stored = store_packets(
            device=device,
            token=token,
            packets=arrival.packets,
            received_at=arrival.received_at,
        )
    except TokenClosed:
        trusted_tokens.drop(token)
        raise invalid_token() from None
    trusted_tokens.keep(token)
    if stored.record is not None:
        return stored
    progress = read_progress(device=device, stream=stream)
    return replace(progress, verdicts=stored.verdicts, device=stored.device)


def count(response: HttpResponseBase, *, took_s: float) -> None:
    """Count what was answered, and how soon."""
    UPLOADS.labels(response.status_code, getattr(response, "code", "")).inc()
    UPLOAD_SECONDS.observe(took_s)
