"""The proxy of the server deployment: its certificates, and what it shows to whom."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from telecardio.ingest_server import OPTIONS
from telecardio.processes import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = "telecardio.example.org"

pytestmark = pytest.mark.skipif(
    shutil.which("caddy") is None, reason="not run: caddy is not on this machine"
)


def _adapted(tls: str, **given: str) -> dict[str, Any]:
    """Return the Caddyfile as Caddy reads it; AssertionError if it refuses it."""
    environment = {"PATH": os.environ["PATH"], "SITE_HOST": NAME, "SITE_TLS": tls}
    environment |= {"WEB": "web:8000", "INGEST": "ingest:8001"} | given
    line = ["caddy", "adapt", "--adapter", "caddyfile", "--config", "Caddyfile"]
    done = subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_gets_a_public_certificate_unless_told_otherwise() -> None:
    # Without a policy of its own a public name has Caddy's default: ACME.
    assert "automation" not in _adapted("public")["apps"].get("tls", {})


def test_it_may_have_a_ca_of_its_own() -> None:
    apps = _adapted("internal")["apps"]
    (policy,) = apps["tls"]["automation"]["policies"]
    assert policy == {"subjects": [NAME], "issuers": [{"module": "internal"}]}
    assert apps["pki"]["certificate_authorities"]["local"]["install_trust"] is False


def test_it_may_have_a_certificate_from_elsewhere() -> None:
    (pair,) = _adapted("own")["apps"]["tls"]["certificates"]["load_files"]
    assert pair["certificate"] == "/etc/caddy/own/certificate.pem"
    assert pair["key"] == "/etc/caddy/own/key.pem"


def test_it_refuses_another_word() -> None:
    with pytest.raises(AssertionError, match="tls_publik"):
        _adapted("publik")


def test_what_it_keeps_outlives_its_container() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    proxy = services["services"]["proxy"]
    volumes = dict(volume.split(":", 1) for volume in proxy["volumes"])
    for name in ("certificates", "proxy-config"):
        assert name in services["volumes"]
    assert volumes["certificates"] == "/data"
    assert volumes["proxy-config"] == "/config"
    assert volumes["./certificate"] == "/etc/caddy/own:ro"
    # A challenge is answered at 80 or 443, at each renewal too.
    assert {"80:80", "443:443"} <= set(proxy["ports"])


def test_it_takes_no_body_of_any_size() -> None:
    limits = [one["max_size"] for one in _found(_adapted("public"), "request_body")]
    assert sorted(limits) == [1 << 20, 3 << 20, 258 << 20]
    assert max(limits) > settings.MAX_RECORD_UPLOAD_BYTES + (1 << 20)


def test_it_waits_for_processes_that_are_being_started_again() -> None:
    found = list(_found(_adapted("public"), "reverse_proxy"))
    assert [one["load_balancing"]["try_duration"] for one in found] == [5e9] * 3


def test_the_proxy_is_first_to_close_an_idle_connection() -> None:
    keeps_s = [
        one["transport"]["keep_alive"]["idle_timeout"] / 1e9
        for one in _found(_adapted("public"), "reverse_proxy")
    ]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    words = services["web"]["command"]
    assert services["ingest"]["command"][2] == "telecardio.ingest_server"
    closes_s = [
        float(words[words.index("--timeout-keep-alive") + 1]),
        OPTIONS["timeout_keep_alive"],
    ]
    assert len(keeps_s) == 3
    assert max(keeps_s) < min(closes_s)


def _found(part: Any, handler: str) -> list[dict[str, Any]]:
    """Return every handler of this name in a configuration."""
    if isinstance(part, list):
        return [one for item in part for one in _found(item, handler)]
    if not isinstance(part, dict):
        return []
    here = [part] if part.get("handler") == handler else []
    return here + _found(list(part.values()), handler)


class _Names(BaseHTTPRequestHandler):
    """Answers every request with the name of its server."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802
        self._answer()

    def do_POST(self) -> None:  # noqa: N802
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def _answer(self) -> None:
        body = self.server.name.encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def named_servers() -> Iterator[dict[str, str]]:
    """Start two servers that say which they are; return their addresses."""
    servers = {name: ThreadingHTTPServer(("127.0.0.1", 0), _Names) for name in "wi"}
    for name, server in servers.items():
        server.name = {"w": "web", "i": "ingest"}[name]  # type: ignore[attr-defined]
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {
        "WEB": f"127.0.0.1:{servers['w'].server_port}",
        "INGEST": f"127.0.0.1:{servers['i'].server_port}",
    }
    for server in servers.values():
        server.shutdown()
        server.server_close()


class _Proxy:
    """Caddy with the Caddyfile, on ports and in folders of its own."""

    def __init__(self, folder: Path, adapted: dict[str, Any]) -> None:
        self.folder = folder
        self.port = free_port()
        # The Caddyfile serves 80 and 443, which are not a test's to take.
        adapted["apps"]["http"] |= {"http_port": free_port(), "https_port": self.port}
        for server in adapted["apps"]["http"]["servers"].values():
            server["listen"] = [f"127.0.0.1:{self.port}"]
        self.plain_port = adapted["apps"]["http"]["http_port"]
        (folder / "caddy.json").write_text(json.dumps(adapted))
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        self.process = subprocess.Popen(
            ["caddy", "run", "--config", str(self.folder / "caddy.json")],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "XDG_DATA_HOME": str(self.folder / "data"),
                "XDG_CONFIG_HOME": str(self.folder / "config"),
            },
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "log").open("ab"),
        )
        return self.process

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)

    @property
    def root(self) -> Path:
        """The certificate that devices and browsers of the network must trust."""
        return self.folder / "data" / "caddy/pki/authorities/local/root.crt"

    def get(self, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, str]:
        """Ask as a device does that trusts the root and nothing else."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self._get(path, method, body)
            except OSError:
                log = (self.folder / "log").read_text()
                assert self.process.poll() is None, log
                assert time.monotonic() < deadline, log
                time.sleep(0.1)

    def _get(self, path: str, method: str, body: bytes) -> tuple[int, str]:
        trusting = ssl.create_default_context(cafile=str(self.root))
        client = HTTPSConnection("localhost", self.port, timeout=10, context=trusting)
        try:
            client.request(method, path, body=body)
            answer = client.getresponse()
            return answer.status, answer.read().decode()
        finally:
            client.close()


@pytest.fixture(scope="module")
def proxy(
    tmp_path_factory: pytest.TempPathFactory, named_servers: dict[str, str]
) -> Iterator[_Proxy]:
    """Run the proxy with its own CA, before two servers that say who they are."""
    adapted = _adapted("internal", SITE_HOST="localhost", **named_servers)
    proxy = _Proxy(tmp_path_factory.mktemp("proxy"), adapted)
    yield proxy
    proxy.stop()


@pytest.mark.slow
def test_a_device_that_knows_the_root_trusts_it(proxy: _Proxy) -> None:
    assert proxy.get("/api/v1/packets", "POST", b"{}") == (200, "ingest")
    assert proxy.get("/api/v1/device") == (200, "web")
    assert proxy.get("/healthz") == (200, "web")


@pytest.mark.slow
def test_who_does_not_know_the_root_does_not(proxy: _Proxy) -> None:
    proxy.get("/healthz")
    strangers = ssl.create_default_context()
    with (
        socket.create_connection(("127.0.0.1", proxy.port), 10) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        strangers.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_it_shows_the_world_nothing_of_the_inside(proxy: _Proxy, path: str) -> None:
    assert proxy.get(path) == (404, "")
    assert proxy.get(f"{path}?part=postgresql") == (404, "")


@pytest.mark.slow
def test_it_sends_who_comes_without_tls_to_https(proxy: _Proxy) -> None:
    proxy.get("/healthz")
    client = HTTPConnection("127.0.0.1", proxy.plain_port, timeout=10)
    client.request("GET", "/login/", headers={"Host": "localhost"})
    answer = client.getresponse()
    client.close()
    assert answer.status == 308
    assert answer.headers["Location"].startswith("https://localhost")


@pytest.mark.slow
def test_its_ca_outlives_it(proxy: _Proxy) -> None:
    proxy.get("/healthz")
    before = proxy.root.read_bytes()
    proxy.stop()
    proxy.start()
    assert proxy.get("/healthz") == (200, "web")
    assert proxy.root.read_bytes() == before
