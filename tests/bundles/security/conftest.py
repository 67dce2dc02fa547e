"""A Redis of the tests, if Debian's ``redis-server`` is installed."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a Unix socket, so that no port can be taken by another process."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server")
    path = tmp_path_factory.mktemp("redis") / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(path), "--save", ""]
    process = subprocess.Popen(command, cwd=path.parent, stdout=subprocess.DEVNULL)
    try:
        _wait_for(path)
        yield f"unix://{path}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(path: Path) -> None:
    client = Redis(unix_socket_path=str(path))
    for _ in range(2000):
        try:
            client.ping()
        except (RedisError, OSError):
            time.sleep(0.01)
        else:
            client.close()
            return
    raise RuntimeError("redis-server does not respond")
