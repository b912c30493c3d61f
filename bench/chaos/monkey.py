"""Breaks one thing after the other, at random but from a seed."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.chaos.own_disk import OwnDisk
from bench.chaos.process_manager import ProcessManager, send_signal
from bench.ingest.processor_time import descendants
from telecardio import embedded

SERVERS = "servers"
PAUSE_S = (1.0, 5.0)
FULL_S = (3.0, 8.0)
# The launcher of the embedded servers gives a server up that dies more often than five
# times a minute, which is no matter of the platform.
SERVER_DIES = {"kill PostgreSQL", "kill Redis", "disk full"}
SERVER_REST_S = 12.0


@dataclass
class Monkey:
    """Kills, stops, pauses; each kind once before chance decides, then by weight."""

    manager: ProcessManager
    var: Path
    disk: OwnDisk | None
    random: Random
    every_s: tuple[float, float]
    did: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    # From when until when (monotonic).
    disk_full_s: list[tuple[float, float]] = field(default_factory=list)
    _first: list[str] = field(default_factory=list)
    _servers_rest_until: float = 0.0

    def __post_init__(self) -> None:
        self._kinds: dict[str, tuple[int, Callable[[], str]]] = {
            "kill a main process": (20, self._kill_main),
            "kill a process": (30, self._kill_any),
            "stop a service": (15, self._stop),
            "kill a backend of PostgreSQL": (8, self._kill_backend),
            "kill PostgreSQL": (7, self._kill_postgres),
            "kill Redis": (7, self._kill_redis),
            "pause Redis": (7, self._pause_redis),
            "kill the launcher of the servers": (2, self._kill_launcher),
            "kill everything": (1, self._kill_everything),
        }
        if self.disk is not None:
            self._kinds["disk full"] = (4, self._fill_disk)
        self._first = self.random.sample(sorted(self._kinds), len(self._kinds))
        self._began = time.monotonic()

    @property
    def undone(self) -> list[str]:
        """The kinds of acts that were never done."""
        return [kind for kind in self._kinds if not self.did[kind]]

    def run(self, seconds: float) -> None:
        """Break something every few seconds for so long, then mend what is ours."""
        deadline = time.monotonic() + seconds
        while (rest := deadline - time.monotonic()) > 0:
            self.manager.wait(min(rest, self.random.uniform(*self.every_s)))
            if time.monotonic() < deadline:
                self._act()

    def _act(self) -> None:
        kind = self._choose()
        whom = self._kinds[kind][1]()
        if not whom:
            # Whoever was to be hit is gone: it is not done yet.
            self._first.append(kind)
            return
        if kind in SERVER_DIES:
            self._servers_rest_until = time.monotonic() + SERVER_REST_S
        self.did[kind] += 1
        self.story.append(f"{time.monotonic() - self._began:.1f} s: {kind}: {whom}")

    def _choose(self) -> str:
        rest = SERVER_DIES if time.monotonic() < self._servers_rest_until else set()
        for kind in self._first:
            if kind not in rest:
                self._first.remove(kind)
                return kind
        kinds = [kind for kind in self._kinds if kind not in rest]
        weights = [self._kinds[kind][0] for kind in kinds]
        return self.random.choices(kinds, weights)[0]

    def _platform(self) -> list[str]:
        return sorted(name for name in self.manager.services if name != SERVERS)

    def _kill_main(self) -> str:
        service = self.manager.services[self.random.choice(self._platform())]
        if (pid := service.pid) is None:
            return ""
        return service.name if service.kill(pid) else ""

    def _kill_any(self) -> str:
        service = self.manager.services[self.random.choice(self._platform())]
        if not (pids := service.pids()):
            return ""
        pid = self.random.choice(sorted(pids))
        which = "the main one" if pid == service.pid else "one below"
        return f"{service.name}, {which}" if service.kill(pid) else ""

    def _stop(self) -> str:
        service = self.manager.services[self.random.choice(self._platform())]
        return service.name if service.terminate() else ""

    def _kill_launcher(self) -> str:
        service = self.manager.services[SERVERS]
        if (pid := service.pid) is None:
            return ""
        return service.name if service.kill(pid) else ""

    def _kill_everything(self) -> str:
        """Do as a power cut does, but for what the kernel has not written yet."""
        found = embedded.status(var=self.var)
        if found.postgres is None or found.redis is None:
            return ""
        services = self.manager.services.values()
        roots = {one.name: pid for one in services if (pid := one.pid) is not None}
        if SERVERS not in roots:
            return ""
        mains = set(roots.values())
        roots |= {"PostgreSQL": found.postgres.pid, "Redis": found.redis.pid}
        below = {pid for pids in descendants(roots).values() for pid in pids}
        # All of them are known by now: nothing comes between one and the next.
        killed = [one.kill(roots[one.name]) for one in services if one.name in roots]
        killed += [bool(self._signal(pid, signal.SIGKILL)) for pid in below - mains]
        return f"{sum(killed)} processes"

    def _kill_postgres(self) -> str:
        found = embedded.status(var=self.var).postgres
        return self._signal(found and found.pid, signal.SIGKILL)

    def _kill_backend(self) -> str:
        found = embedded.status(var=self.var).postgres
        if found is None:
            return ""
        below = descendants({SERVERS: found.pid})[SERVERS]
        backends = [pid for pid in below if pid != found.pid]
        if not backends:
            return ""
        return self._signal(self.random.choice(sorted(backends)), signal.SIGKILL)

    def _kill_redis(self) -> str:
        found = embedded.status(var=self.var).redis
        return self._signal(found and found.pid, signal.SIGKILL)

    def _pause_redis(self) -> str:
        found = embedded.status(var=self.var).redis
        if found is None:
            return ""
        seconds = self.random.uniform(*PAUSE_S)
        if not self._signal(found.pid, signal.SIGSTOP):
            return ""
        try:
            self.manager.wait(seconds)
        finally:
            self._signal(found.pid, signal.SIGCONT)
        return f"for {seconds:.1f} s"

    def _fill_disk(self) -> str:
        assert self.disk is not None
        seconds = self.random.uniform(*FULL_S)
        began_s = time.monotonic()
        self.disk.fill()
        try:
            self.manager.wait(seconds)
        finally:
            self.disk.free()
            self.disk_full_s.append((began_s, time.monotonic()))
        return f"for {seconds:.1f} s"

    @staticmethod
    def _signal(pid: int | None, number: int) -> str:
        """Send a signal; empty if nobody is there to get it."""
        return str(pid) if pid and send_signal(pid, number) else ""
