"""Which device plays what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from devices.simulator.body_format import JSON, BodyFormat
from devices.simulator.faults import OUTAGE_SCRIPT, Faults
from devices.simulator.fleet import VirtualDeviceSpec
from devices.simulator.scripts import script_source
from devices.simulator.source import SignalSource, SourceError
from devices.simulator.wfdb_source import find_records, wfdb_source


def read_tokens(path: Path) -> list[tuple[str, str]]:
    """Read (serial, token) pairs: one JSON object ``{"serial", "token"}`` a line."""
    pairs = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            pair = json.loads(line)
            pairs.append((str(pair["serial"]), str(pair["token"])))
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(
                f'{path}, line {number}: expected {{"serial": "…", "token": "…"}}.'
            ) from error
    if not pairs:
        raise SourceError(f"{path} holds no token.")
    return pairs


def record_sources(
    path: Path, *, count: int, fs: int | None, endless: bool
) -> list[SignalSource]:
    """Deal the WFDB records of a folder out to ``count`` devices, in turn."""
    records = find_records(path)[:count]
    sources = [wfdb_source(record, fs=fs, endless=endless) for record in records]
    return [sources[number % len(sources)] for number in range(count)]


def script_sources(
    scripts: Sequence[str], *, count: int, fs: int
) -> list[SignalSource]:
    """Deal synthetic scripts out to ``count`` devices, in turn."""
    return [
        script_source(
            scripts[number % len(scripts)], number=number // len(scripts), fs=fs
        )
        for number in range(count)
    ]


def line_up(
    enrolled: Sequence[tuple[str, str]],
    sources: Sequence[SignalSource],
    *,
    packet_s: float,
    speed: float,
    faults: Faults,
    body_format: BodyFormat = JSON,
) -> list[VirtualDeviceSpec]:
    """Give every device its signal; the script ``outage`` brings its own outages."""
    own = replace(OUTAGE_SCRIPT, lost_acks=faults.lost_acks, shuffle=faults.shuffle)
    return [
        VirtualDeviceSpec(
            serial=serial,
            token=token,
            source=source,
            packet_s=packet_s,
            speed=speed,
            faults=own if source.name == "outage" and not faults.outages else faults,
            body_format=body_format,
        )
        for (serial, token), source in zip(enrolled, sources, strict=True)
    ]
