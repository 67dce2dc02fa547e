"""Sends the same request again and again over one connection: ``python -m benchmarks.asker``."""

import socket
import sys

from benchmarks.http.work import ALL, Work


def ask(port: int, work: Work, times: int) -> None:
    """One after another; each answer has to be a 200 with a ``Content-Length``."""
    head = f"{work.method} {work.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    if work.body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(work.body)}\r\n"
    request = head.encode() + b"\r\n" + work.body
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(times):
            connection.sendall(request)
            _read_answer(connection)


def _read_answer(connection: socket.socket) -> None:
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0 or len(data) < end + 4 + _length(data[:end]):
        more = connection.recv(65536)
        if not more:
            raise ConnectionError(f"closed after {data!r}")
        data += more
    if not data.startswith(b"HTTP/1.1 200 "):
        raise ValueError(f"answered {data!r}")


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0])


if __name__ == "__main__":
    ask(int(sys.argv[1]), ALL[sys.argv[2]], int(sys.argv[3]))
