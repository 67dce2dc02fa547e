"""PostgreSQL and MariaDB for tests: one server of each per worker, one database per test.

A server listens on a free port of 127.0.0.1 and keeps its data in a temporary folder.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import attrs
import psycopg
import pymysql  # type: ignore[import-untyped]

from tests.ports import reserved_port

_PATIENCE = 60.0
_ROOM = 500 * 1024 * 1024
"""The bytes that the data of the servers of all workers may need."""

_UNKNOWN_THREAD = 1094
"""The code of the error of MariaDB for the number of a connection that does not exist."""

_numbers = count(1)

S = TypeVar("S", bound="DatabaseServer")


@attrs.frozen
class TestDatabase:
    """An empty database. *dialect*: ``sqlite``, ``postgresql`` or ``mariadb``."""

    __test__ = False

    dialect: str
    url: str = attrs.field(repr=False)


class DatabaseServer:
    """Starts and stops the process of a server."""

    dialect: str
    ready: bytes
    stop_signal: signal.Signals

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.log: list[bytes] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._reader = threading.Thread()

    def create(self) -> None:
        """Create the files of the server."""
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def execute(self, statement: str) -> list[Any]:
        """Execute *statement* as the administrator, and return its rows."""
        raise NotImplementedError

    def url_of(self, database: str) -> str:
        raise NotImplementedError

    def start(self) -> None:
        """Wait until the server accepts connections."""
        self.log.clear()
        started = threading.Event()
        self._process = subprocess.Popen(
            self.command(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            **self._account(),
        )
        self._reader = threading.Thread(target=self._read, args=(started,), daemon=True)
        self._reader.start()
        if not started.wait(_PATIENCE) or self._process.poll() is not None:
            raise AssertionError(b"".join(self.log).decode(errors="replace"))

    def _read(self, started: threading.Event) -> None:
        """Keep the log: a full pipe would stop the server."""
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.log.append(line)
            if self.ready in line:
                started.set()
        started.set()  # it has ended

    def stop(self, number: signal.Signals | None = None) -> None:
        """End the process like a crash, which may lose data; does nothing if it does not run.

        It keeps its data with the signal *number* of the server for a usual end.
        """
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(number or self.stop_signal)
        self._process.wait(_PATIENCE)
        self._reader.join(_PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause all processes during the block: they accept connections and never reply."""
        processes = self._processes()
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def _processes(self) -> list[int]:
        assert self._process is not None
        number = self._process.pid
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        return [number, *map(int, children)]

    @contextmanager
    def database(self) -> Iterator[TestDatabase]:
        """A new database. At the end it is removed, and connections that still use it are
        closed."""
        name = f"test{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield TestDatabase(self.dialect, self.url_of(name))
        finally:
            self.drop(name)

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name}")

    def run(self, *command: str) -> None:
        done = subprocess.run(
            command, capture_output=True, cwd=self.folder, check=False, **self._account()
        )
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()

    def _account(self) -> Mapping[str, Any]:
        """The account for the server if the tests run as root, which the servers refuse."""
        if os.getuid() != 0:
            return {}
        account = pwd.getpwnam("nobody")
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


class PostgresqlServer(DatabaseServer):
    dialect = "postgresql"
    ready = b"database system is ready to accept connections"
    stop_signal = signal.SIGQUIT  # without it, its children would live on

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        super().__init__(folder, port)
        self._programs = programs

    def create(self) -> None:
        self.run(
            *(str(self._programs / "initdb"), "--pgdata", str(self.folder / "data")),
            *("--auth", "trust", "--username", "tests", "--no-sync", "--locale", "C"),
            *("--encoding", "UTF8"),
        )

    def command(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "shared_buffers": "16MB",
            "max_wal_size": "256MB",
        }
        return [
            *(str(self._programs / "postgres"), "-D", str(self.folder / "data")),
            *("-p", str(self.port)),
            *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
        ]

    def execute(self, statement: str) -> list[Any]:
        place = f"host=127.0.0.1 port={self.port} user=tests dbname=postgres"
        with psycopg.connect(place, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return [] if cursor.description is None else cursor.fetchall()

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def disconnect_all(self) -> None:
        """End all connections, like a failover."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname LIKE 'test%' AND pid <> pg_backend_pid()"
        )

    def url_of(self, database: str) -> str:
        return f"postgresql+psycopg://tests@127.0.0.1:{self.port}/{database}"


class MariadbServer(DatabaseServer):
    dialect = "mariadb"
    ready = b"ready for connections"
    stop_signal = signal.SIGKILL

    def __init__(self, program: Path, installer: Path, folder: Path, port: int) -> None:
        super().__init__(folder, port)
        self._program = program
        self._installer = installer

    def create(self) -> None:
        self.run(
            *(str(self._installer), "--no-defaults", f"--datadir={self.folder / 'data'}"),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
            f"--tmpdir={self.folder}",  # servers of other tests remove files of /tmp
            *("--innodb-log-file-size=4M", "--innodb-buffer-pool-size=16M"),
        )

    def command(self) -> list[str]:
        return [
            *(str(self._program), "--no-defaults", f"--datadir={self.folder / 'data'}"),
            *(f"--port={self.port}", "--bind-address=127.0.0.1", f"--tmpdir={self.folder}"),
            *(f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}"),
            *("--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync"),
            *("--innodb-log-file-size=4M", "--innodb-buffer-pool-size=16M", "--skip-log-bin"),
            *("--skip-name-resolve", "--character-set-server=utf8mb4"),
        ]

    def execute(self, statement: str) -> list[Any]:
        connection = pymysql.connect(host="127.0.0.1", port=self.port, user="root")
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def drop(self, name: str) -> None:
        self.disconnect_all(name)  # otherwise it waits for their locks
        super().drop(name)

    def disconnect_all(self, database: str = "test%") -> None:
        """End all connections, like a failover."""
        for (number,) in self.execute(
            f"SELECT id FROM information_schema.processlist WHERE db LIKE '{database}'"
        ):
            try:
                self.execute(f"KILL {number}")
            except pymysql.err.OperationalError as exc:
                if exc.args[0] != _UNKNOWN_THREAD:  # the connection has ended meanwhile
                    raise

    def url_of(self, database: str) -> str:
        return f"mariadb+aiomysql://root@127.0.0.1:{self.port}/{database}?charset=utf8mb4"


@contextmanager
def running_postgresql(programs: Path) -> Iterator[PostgresqlServer]:
    """A server; *programs* is the folder with ``initdb`` and ``postgres``."""
    with (
        reserved_port() as port,
        _folder() as folder,
        _running(PostgresqlServer(programs, folder, port)) as server,
    ):
        yield server


@contextmanager
def running_mariadb(program: Path, installer: Path) -> Iterator[MariadbServer]:
    """A server of ``mariadbd``, whose files ``mariadb-install-db`` creates."""
    with (
        reserved_port() as port,
        _folder() as folder,
        _running(MariadbServer(program, installer, folder, port)) as server,
    ):
        yield server


@contextmanager
def _running(server: S) -> Iterator[S]:
    account = server._account()
    if account:
        os.chown(server.folder, account["user"], account["group"])
    server.create()
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        yield server


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that another account may own; those of pytest are closed for others.

    It is in memory if there is room: a server starts eight times faster there.
    """
    memory = Path("/dev/shm")
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM
    folder = Path(tempfile.mkdtemp(prefix="rxkernel-tests-", dir=memory if has_room else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
