"""Keep-alive connections that send prepared requests, from a process of their own."""

from __future__ import annotations

import gc
import multiprocessing
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

# The longest that a server may take for one answer.
ANSWER_S = 30.0
# One whole request fits, so that sending never waits for the server.
_SEND_BUFFER = 1 << 20
_READ = 1 << 16
_FORK = multiprocessing.get_context("fork")


class LoadError(RuntimeError):
    """The server broke off or did not answer in time."""


@dataclass
class Outcome:
    """What came of a run.

    ``acked`` holds for each connection the indices of requests whose every packet
    was stored, the warm-up's too, and ``refused`` counts all others; the figures are
    of the timed part only, ``ack_ms`` of those requests that were stored.
    """

    acked: list[list[int]]
    requests: int = 0
    refused: int = 0
    first_refusal: str = ""
    ack_ms: list[float] = field(default_factory=list)
    wall_s: float = 0.0
    cpu_s: float = 0.0


def send_all(
    port: int,
    queues: Sequence[Sequence[bytes]],
    *,
    packets: int,
    warm_up: int,
    seconds: float,
    when_warm: Callable[[], None] = lambda: None,
) -> Outcome:
    """Send each queue over a connection of its own, one request at a time.

    The first ``warm_up`` requests of each are not timed; the rest go on for
    ``seconds`` or until no request is left. ``packets`` are in each request.
    """
    ours, theirs = _FORK.Pipe()
    # Forked, because copying the requests would take longer than sending them.
    child = _FORK.Process(
        target=_run, args=(theirs, port, queues, packets, warm_up, seconds)
    )
    child.start()
    theirs.close()
    try:
        _hear(ours, str)
        when_warm()
        ours.send("go")
        outcome: Outcome = _hear(ours, Outcome)
    finally:
        ours.close()
        child.join(1)
        child.kill()
        child.join()
    return outcome


def message_bytes(received: bytes) -> int:
    """Return the length of the HTTP message that begins here; 0: not known yet."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return 0
    at = received[:head].lower().find(b"content-length:")
    if at < 0:
        raise LoadError(f"An answer without Content-Length: {received[:200]!r}")
    return head + 4 + int(received[at + 15 : head].split(b"\r", 1)[0])


def ends_connection(answer: bytes) -> bool:
    """Tell whether nothing more may be sent where this answer came from."""
    return b"\r\nconnection: close" in answer.partition(b"\r\n\r\n")[0].lower()


class _Connection:
    def __init__(self, port: int, requests: Sequence[bytes]) -> None:
        self.requests = requests
        self.next = 0
        self.sent_at = 0.0
        self.received = b""
        self._port = port
        self.open()

    def open(self) -> None:
        """Connect, also anew after an answer that ends the connection."""
        self.socket = socket.create_connection(
            ("127.0.0.1", self._port), timeout=ANSWER_S
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)

    def send(self) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(self.requests[self.next])
        self.next += 1

    def receive(self) -> bytes:
        """Return the answer once it is whole."""
        piece = self.socket.recv(_READ)
        if not piece:
            raise LoadError(f"The server closed a connection: {self.received[:200]!r}")
        self.received += piece
        size = message_bytes(self.received)
        if not size or len(self.received) < size:
            return b""
        answer, self.received = self.received, b""
        return answer


def _hear(pipe: Any, wanted: type) -> Any:
    try:
        word = pipe.recv()
    except EOFError:
        raise LoadError("The load generator ended without a word.") from None
    if isinstance(word, LoadError):
        raise word
    assert isinstance(word, wanted)
    return word


def _run(
    pipe: Any,
    port: int,
    queues: Sequence[Sequence[bytes]],
    packets: int,
    warm_up: int,
    seconds: float,
) -> None:
    # A collection would look at all requests.
    gc.disable()
    try:
        links = [_Connection(port, requests) for requests in queues]
        warm = _drive(links, packets, until=warm_up, seconds=float("inf"))
        pipe.send("warm")
        pipe.recv()
        cpu = time.process_time()
        timed = _drive(links, packets, until=None, seconds=seconds)
        timed.cpu_s = time.process_time() - cpu
        timed.acked = [
            early + late for early, late in zip(warm.acked, timed.acked, strict=True)
        ]
        timed.refused += warm.refused
        timed.first_refusal = warm.first_refusal or timed.first_refusal
        pipe.send(timed)
    except (OSError, LoadError) as error:
        pipe.send(LoadError(str(error)))


def _drive(
    links: Sequence[_Connection], packets: int, *, until: int | None, seconds: float
) -> Outcome:
    outcome = Outcome(acked=[[] for _ in links])
    started = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        waiting = 0
        for number, link in enumerate(links):
            selector.register(link.socket, selectors.EVENT_READ, number)
            if link.next < len(link.requests[:until]):
                link.send()
                waiting += 1
        while waiting:
            ready = selector.select(ANSWER_S)
            if not ready:
                raise LoadError(f"No answer within {ANSWER_S:g} s.")
            for key, _ in ready:
                link = links[key.data]
                if not (answer := link.receive()):
                    continue
                now = time.perf_counter()
                outcome.requests += 1
                # A refusal is soon said: it is no ack.
                if _judge(outcome, key.data, link.next - 1, answer, packets):
                    outcome.ack_ms.append(1000 * (now - link.sent_at))
                if ends_connection(answer):
                    selector.unregister(link.socket)
                    link.socket.close()
                    link.open()
                    selector.register(link.socket, selectors.EVENT_READ, key.data)
                end = len(link.requests) if until is None else until
                if now - started < seconds and link.next < end:
                    link.send()
                else:
                    waiting -= 1
    outcome.wall_s = time.perf_counter() - started
    return outcome


def _judge(
    outcome: Outcome, link: int, request: int, answer: bytes, packets: int
) -> bool:
    """Note whether every packet of a request was stored, and return it."""
    if answer[9:12] == b"200" and answer.count(b'"stored"') == packets:
        outcome.acked[link].append(request)
        return True
    outcome.refused += 1
    outcome.first_refusal = outcome.first_refusal or answer.decode(errors="replace")
    return False
