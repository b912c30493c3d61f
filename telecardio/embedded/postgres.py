"""The embedded PostgreSQL."""

import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from telecardio.embedded import binaries, probes, processes, unprivileged
from telecardio.embedded.addresses import DATABASE, ROLE
from telecardio.embedded.folders import EmbeddedError
from telecardio.embedded.passwords import password
from telecardio.embedded.server import Server, environment

SUPERUSER = "postgres"

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",  # only a part of the socket's name
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # The demo measures with the times of commits; it costs 10 bytes a commit.
    "track_commit_timestamp": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Parallel queries take room in /dev/shm, which containers keep at 64 MB.
    "max_parallel_workers_per_gather": "0",
}


class Postgres(Server):
    """PostgreSQL with its data in ``var/postgres``."""

    name = "postgres"
    # SIGINT is the fast shutdown, SIGQUIT the immediate one (recovery follows).
    stops = ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 5))

    @property
    def socket(self) -> Path:
        """Where clients find the server."""
        return self.folders.postgres_socket

    def prepare(self, held: int) -> None:
        """Create the data on first use and clear what a killed server left."""
        if not (self.folders.postgres / "PG_VERSION").exists():
            self._initdb(held)
        self._check_version()
        unprivileged.give(self.folders.postgres)
        self._clear_stale_pid_files()

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        settings = {
            **SETTINGS,
            "unix_socket_directories": str(self.folders.sockets),
        }
        words = [f"--{name}={value}" for name, value in settings.items()]
        program = str(binaries.postgres_bin() / "postgres")
        data = str(self.folders.postgres)
        return [*unprivileged.prefix(), program, "-D", data, *words]

    def answers(self) -> bool:
        """Tell whether a client could log in now."""
        return probes.postgres_answers(self.socket, role=ROLE, database=DATABASE)

    def create_database(self) -> None:
        """Create the role and the database unless they are there."""
        try:
            with self._connect() as connection:
                _create_database(connection, password(self.folders, "database"))
        except psycopg.OperationalError as error:
            raise EmbeddedError(
                f"PostgreSQL refuses the passwords in {self.folders.secrets}: "
                f"{error}. Restore the folder that was made with "
                f"{self.folders.postgres}, or remove both to begin anew."
            ) from error

    def hurry_leftovers(self) -> None:
        """Ask backends that outlived their postmaster to end.

        An idle one ends by itself; one inside a long query does not look up.
        """
        for process in processes.in_folder(self.folders.postgres):
            process.signal(signal.SIGQUIT)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.folders.sockets),
            user=SUPERUSER,
            password=password(self.folders, "postgres"),
            dbname="postgres",
            autocommit=True,
            connect_timeout=10,
        )

    def _initdb(self, held: int) -> None:
        draft = self.folders.var / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        unprivileged.give(draft)
        password(self.folders, "postgres")
        made = subprocess.run(
            [
                *unprivileged.prefix(),
                str(binaries.postgres_bin() / "initdb"),
                f"--pgdata={draft}",
                f"--username={SUPERUSER}",
                f"--pwfile={self.folders.secrets / 'postgres'}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
            ],
            cwd=self.folders.run,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            # Should we be killed meanwhile, the next one waits for it to end.
            pass_fds=(held,),
        )
        if made.returncode != 0:
            raise EmbeddedError(f"initdb failed:\n{made.stdout}\n{made.stderr}")
        # Under its real name only when whole: an interrupted one starts over.
        draft.rename(self.folders.postgres)

    def _check_version(self) -> None:
        major = (self.folders.postgres / "PG_VERSION").read_text().strip()
        if major != str(binaries.POSTGRES_MAJOR):
            raise EmbeddedError(
                f"The data in {self.folders.postgres} is of PostgreSQL {major}, not "
                f"{binaries.POSTGRES_MAJOR}. Dump it with the old version and load it "
                "into a new folder, or remove it to begin anew."
            )

    def _clear_stale_pid_files(self) -> None:
        """Remove pid files of a server that no longer runs.

        PostgreSQL takes any living process with the noted id for its old self,
        and after a restart of a container ids are often the same.
        """
        lock_of_socket = self.folders.sockets / ".s.PGSQL.5432.lock"
        data = self.folders.postgres
        for path in (data / "postmaster.pid", lock_of_socket):
            if not path.exists():
                continue
            words = path.read_text().split()
            pid = int(words[0]) if words and words[0].isdigit() else 0
            running = [found.pid for found in processes.in_folder(data)]
            if pid in running:
                raise EmbeddedError(
                    f"Process {pid} runs PostgreSQL on {data} and was not started "
                    "by this project. Stop it first."
                )
            path.unlink()


def _create_database(connection: psycopg.Connection, secret: str) -> None:
    role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
    if known.fetchone() is None:
        create = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
        connection.execute(create.format(role, sql.Literal(secret)))
    known = connection.execute(
        "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
    )
    if known.fetchone() is None:
        create = sql.SQL("CREATE DATABASE {} OWNER {}")
        connection.execute(create.format(database, role))
