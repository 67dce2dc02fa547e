"""Sends the same request again and again over one connection.

``python -m benchmarks.asker PORT STATUS TIMES`` reads the request from the standard input.
"""

import re
import socket
import sys

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


def ask(port: int, request: bytes, status: int, times: int) -> None:
    """Send each request after the response to the one before.

    Raises:
        ConnectionError: the server closed the connection.
        ValueError: a response has another status.
    """
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(times):
            connection.sendall(request)
            _read_response(connection, b"HTTP/1.1 %d " % status)


def _read_response(connection: socket.socket, start: bytes) -> None:
    data = b""
    while not _is_whole(data):
        more = connection.recv(65536)
        if not more:
            raise ConnectionError(f"closed after {data!r}")
        data += more
    if not data.startswith(start):
        raise ValueError(f"the response is {data!r}, it must start with {start!r}")


def _is_whole(data: bytes) -> bool:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head, body = data[:end], data[end + 4 :]
    if _CHUNKED.search(head):
        return body.endswith(b"0\r\n\r\n")
    found = _LENGTH.search(head)
    return found is not None and len(body) >= int(found[1])


if __name__ == "__main__":
    ask(int(sys.argv[1]), sys.stdin.buffer.read(), int(sys.argv[2]), int(sys.argv[3]))
