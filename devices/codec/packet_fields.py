"""Check the fields of one packet. Each function returns the value or raises."""

import math
import re
from array import array
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.codec.errors import PacketError
from devices.codec.packet import Status

FLAGS = ("lead_off", "clip", "noisy", "charging", "clock_set")
FS_HZ = (100, 1000)
MAX_LEADS = 12
MIN_TENTHS_S, MAX_S = 1, 30
MAX_SEQ = 2**31
MAX_SAMPLE = 2**40
# 34 years of milliseconds: no monotonic clock runs longer.
MAX_MONO_MS = 2**40
# Lowest, and one more than the highest.
BATTERY_PERCENT, RSSI_DBM, BACKLOG = (0, 101), (-200, 101), (0, 2**31)
_STREAM = re.compile(r"[0-9a-fA-F]{16}")


def integer(fields: dict[str, Any], name: str, low: int, high: int) -> int:
    """Return a whole number with ``low <= value < high``; booleans are none."""
    value = _required(fields, name)
    if type(value) is not int:
        raise PacketError(name, "type", "must be an integer")
    return within(name, value, low, high)


def within(name: str, value: int, low: int, high: int) -> int:
    """Return ``value`` if ``low <= value < high``."""
    if not low <= value < high:
        raise PacketError(name, "range", f"must be {low} to {high - 1}")
    return value


def optional_integer(
    fields: dict[str, Any], name: str, low: int, high: int
) -> int | None:
    """Return a whole number like :func:`integer`, or None if absent or null."""
    if fields.get(name) is None:
        return None
    return integer(fields, name, low, high)


def stream(fields: dict[str, Any]) -> str:
    """Return the stream's id in lower case."""
    value = _required(fields, "stream")
    if type(value) is not str:
        raise PacketError("stream", "type", "must be a string")
    if not _STREAM.fullmatch(value):
        raise PacketError("stream", "format", "must be 16 hex digits")
    return value.lower()


def leads(fields: dict[str, Any]) -> tuple[str, ...]:
    """Return 1 to 12 unique names of 1 to 8 printable ASCII characters."""
    value = _required(fields, "leads")
    if type(value) is not list or any(type(name) is not str for name in value):
        raise PacketError("leads", "type", "must be a list of names")
    if not 1 <= len(value) <= MAX_LEADS:
        raise PacketError("leads", "count", f"must be 1 to {MAX_LEADS} names")
    for name in value:
        legible = name.isascii() and name.isprintable() and name.strip() == name
        if not legible or not 1 <= len(name) <= 8:
            text = "each name must be 1 to 8 printable ASCII characters"
            raise PacketError("leads", "format", text)
    if len(set(value)) != len(value):
        raise PacketError("leads", "format", "names must differ")
    return tuple(value)


def gain(fields: dict[str, Any]) -> float:
    """Return the gain in adu per mV: finite and positive."""
    value = _required(fields, "gain")
    if type(value) not in (int, float):
        raise PacketError("gain", "type", "must be a number")
    try:
        return finite_gain(float(value))
    except OverflowError:
        return finite_gain(math.inf)


def finite_gain(value: float) -> float:
    """Return ``value`` if it is finite and positive."""
    # NaN compares with nothing.
    if not 0 < value < math.inf:
        raise PacketError("gain", "range", "must be finite and greater than 0")
    return value


def samples(fields: dict[str, Any], *, fs: int, leads: int) -> NDArray[np.int16]:
    """Return int16[n * leads]; empty if absent, null or ``[]``: a heartbeat."""
    value = fields.get("samples")
    if value is None:
        value = []
    if type(value) is not list:
        raise PacketError("samples", "type", "must be a list of integers")
    # type() tells booleans and floats from integers, which numpy would mix.
    if not set(map(type, value)) <= {int}:
        raise PacketError("samples", "type", "must be integers only")
    per_lead(len(value), leads=leads, fs=fs)
    try:
        # Twice as fast as what numpy makes of a list.
        return np.frombuffer(array("h", value), np.int16)
    except OverflowError:
        text = "must be -32768 to 32767"
        raise PacketError("samples", "range", text) from None


def per_lead(size: int, *, leads: int, fs: int) -> None:
    """Check that ``size`` values divide by the leads into what a packet may hold."""
    if size % leads:
        raise PacketError("samples", "count", f"must divide by {leads} leads")
    duration(size // leads, fs=fs)


def duration(n: int, *, fs: int) -> None:
    """Check that ``n`` samples of a lead are a heartbeat (0), or 0.1 to 30 s."""
    if n and not MIN_TENTHS_S * fs <= 10 * n <= 10 * MAX_S * fs:
        raise PacketError("samples", "count", "must be 0.1 to 30 s of signal")


def at(fields: dict[str, Any]) -> datetime | None:
    """Return an aware time in UTC, or None; whether it is plausible is not judged."""
    value = fields.get("at")
    if value is None:
        return None
    if type(value) is not str:
        raise PacketError("at", "type", "must be an ISO 8601 string or null")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise PacketError("at", "format", "must be an ISO 8601 time") from None
    if moment.tzinfo is None:
        raise PacketError("at", "format", "must be UTC: end it with Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        # The edges of the calendar are no clock time: as if there were none.
        return None


def flags(fields: dict[str, Any]) -> tuple[str, ...]:
    """Return the flags that are set, each once."""
    value = fields.get("flags")
    if value is None:
        return ()
    if type(value) is not list or any(type(flag) is not str for flag in value):
        raise PacketError("flags", "type", "must be a list of strings")
    if unknown := set(value) - set(FLAGS):
        first = min(unknown)[:20]
        text = f"{first!r} is not one of {', '.join(FLAGS)}"
        raise PacketError("flags", "format", text)
    return tuple(flag for flag in FLAGS if flag in value)


def marker(fields: dict[str, Any]) -> bool:
    """Tell whether the button was pressed during the packet."""
    value = fields.get("marker")
    if value is not None and type(value) is not bool:
        raise PacketError("marker", "type", "must be true or false")
    return bool(value)


def status(fields: dict[str, Any]) -> Status | None:
    """Return what the device says of itself."""
    value = fields.get("status")
    if value is None:
        return None
    if type(value) is not dict:
        raise PacketError("status", "type", "must be an object")
    try:
        return Status(
            battery_percent=optional_integer(
                value, "battery_percent", *BATTERY_PERCENT
            ),
            rssi_dbm=optional_integer(value, "rssi_dbm", *RSSI_DBM),
            firmware=_firmware(value),
            backlog=optional_integer(value, "backlog", *BACKLOG),
        )
    except PacketError as error:
        name = f"status.{error.field}"
        raise PacketError(name, error.code, error.reason) from None


def _firmware(fields: dict[str, Any]) -> str | None:
    value = fields.get("firmware")
    if value is None:
        return None
    if type(value) is not str:
        raise PacketError("firmware", "type", "must be a string")
    if len(value) > 40 or not (value.isascii() and value.isprintable()):
        text = "must be at most 40 printable ASCII characters"
        raise PacketError("firmware", "format", text)
    return value


def _required(fields: dict[str, Any], name: str) -> Any:
    value = fields.get(name)
    if value is None:
        raise PacketError(name, "required", "is missing")
    return value
