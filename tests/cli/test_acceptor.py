"""The supervisor of ``serve --workers``: which worker gets a connection; hostile clients."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from rxkernel.cli.acceptor import Acceptor
from rxkernel.cli.request_heads import MAX_HEAD, RequestHeads
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.workers.passed_sockets import BACK, CHOSEN, END, STOP, UNKNOWN
from rxkernel.servers.workers.session_ids import session_id, worker_of
from rxkernel.servers.workers.socket_channel import MAX_DATA, SocketChannel, socket_pair

SESSION = b"GET /socket.io/?EIO=4&transport=polling&sid=2.abc HTTP/1.1\r\n"


class Worker:
    """The messages of an acceptor to one worker."""

    def __init__(self, end: socket.socket) -> None:
        self.messages: asyncio.Queue[tuple[bytes, int | None]] = asyncio.Queue()
        self.channel = SocketChannel(
            end, lambda *message: self.messages.put_nowait(message), lambda: None
        )

    async def next(self) -> tuple[bytes, socket.socket]:
        async with asyncio.timeout(30):
            data, descriptor = await self.messages.get()
        assert descriptor is not None
        return data, socket.socket(fileno=descriptor)


class Site:
    """An acceptor on a free port, and its two workers."""

    def __init__(self, heads: RequestHeads | None) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.acceptor = Acceptor([self.listening], 2, heads)
        self.workers: list[Worker] = []
        for place in (0, 1):
            ours, theirs = socket_pair()
            pool = self.acceptor.pool
            pool.use(pool.add(ours, pool.new_number()), place)
            self.workers.append(Worker(theirs))

    def connect(self, data: bytes = b"") -> socket.socket:
        connection = socket.create_connection(self.listening.getsockname())
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(data)
        return connection

    async def passed(self) -> tuple[int, bytes, socket.socket]:
        """The next connection that is passed: the number of its worker, and the message."""
        tasks = [asyncio.create_task(worker.next()) for worker in self.workers]
        done, late = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in late:
            task.cancel()
        task = next(iter(done))
        return tasks.index(task) + 1, *task.result()

    def close(self) -> None:
        for worker in self.workers:
            worker.channel.close()
        self.acceptor.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site(RequestHeads(ForwardedHeaders(())))
    yield site
    site.close()


async def test_request_of_a_session_goes_to_its_worker_unread(site: Site) -> None:
    with site.connect(SESSION):
        number, message, connection = await site.passed()

        with connection:
            assert (number, message) == (2, CHOSEN)
            assert connection.recv(MAX_HEAD) == SESSION


async def test_request_without_a_known_session_goes_by_address(site: Site) -> None:
    numbers = set()
    for target in (b"/", b"/?sid=2", b"/?sid=77.abc", b"/?asid=1.abc", b"/?x=/?sid=1.abc"):
        with site.connect(b"GET " + target + b" HTTP/1.1\r\n"):
            number, message, connection = await site.passed()
            connection.close()
            assert message == CHOSEN
            numbers.add(number)

    assert len(numbers) == 1


async def test_new_sessions_of_an_address_are_at_all_workers(site: Site) -> None:
    numbers = []
    for target in (
        b"/?EIO=4",
        b"/?t=1&EIO=4&transport=polling",
        b"/?EIO=4&sid=77.abc",
        b"/?EIO=4",
    ):
        with site.connect(b"GET " + target + b" HTTP/1.1\r\n"):
            number, _, connection = await site.passed()
            connection.close()
            numbers.append(number)

    assert sorted(numbers) == [1, 1, 2, 2]


async def test_line_in_pieces_is_awaited_without_busy_waiting(site: Site) -> None:
    with site.connect(SESSION[:20]) as client:
        await _accepted(site)
        client.sendall(SESSION[20:])
        number, message, connection = await site.passed()

    with connection:
        assert (number, message) == (2, CHOSEN)
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1


async def _accepted(site: Site) -> None:
    """Wait until the acceptor has looked at the connections before this one."""
    with site.connect(b"GET / HTTP/1.1\r\n"):
        (await site.passed())[2].close()


@pytest.mark.parametrize("sent", [b"", b"GET / HT"], ids=["nothing", "part of a line"])
async def test_late_request_is_left_to_the_worker(site: Site, sent: bytes) -> None:
    site.acceptor.patience = 0.0
    with site.connect(sent):
        _, message, connection = await site.passed()

        connection.close()
        assert message == UNKNOWN


async def test_dripping_client_is_left_to_the_worker(site: Site) -> None:
    with site.connect() as client:
        passed = asyncio.create_task(site.passed())
        while not passed.done():
            client.sendall(b"G")
            await asyncio.sleep(0.001)
        _, message, connection = passed.result()

        connection.close()
        assert message == UNKNOWN


async def test_line_that_is_too_long_is_left_to_the_worker(site: Site) -> None:
    with site.connect(b"GET /" + MAX_HEAD * b"x"):
        _, message, connection = await site.passed()

        connection.close()
        assert message == CHOSEN


async def test_oldest_of_too_many_silent_clients_is_left_to_the_worker(site: Site) -> None:
    site.acceptor.max_waiting = 2
    clients = [site.connect() for _ in range(3)]

    _, message, connection = await site.passed()

    with connection:
        assert message == UNKNOWN
        assert connection.getpeername() == clients[0].getsockname()
    for client in clients:
        client.close()


async def test_client_that_closes_is_dropped(site: Site) -> None:
    site.connect().close()
    half_closed = site.connect(b"GET")
    half_closed.shutdown(socket.SHUT_WR)

    _, message, connection = await site.passed()

    with connection, half_closed:
        assert message == UNKNOWN
        assert connection.getpeername() == half_closed.getsockname()


async def test_worker_that_stops_gets_no_further_connection(site: Site) -> None:
    second = site.workers[1]
    second.channel.send(STOP)
    assert await second.messages.get() == (END, None)

    with site.connect(SESSION):
        number, _, connection = await site.passed()
        connection.close()
        assert number == 1


async def test_request_waits_while_no_worker_is_open(site: Site) -> None:
    with site.connect(SESSION[:20]) as client:
        await _accepted(site)
        for worker in site.workers:
            worker.channel.send(STOP)
            assert await worker.messages.get() == (END, None)
        client.sendall(SESSION[20:])
        for _ in range(3):  # turns of the loop, in which the acceptor reads it
            await asyncio.sleep(0)

        ours, theirs = socket_pair()
        site.workers.append(Worker(theirs))
        site.acceptor.pool.use(site.acceptor.pool.add(ours, 3), 0)
        number, message, connection = await site.passed()
        connection.close()
        assert (number, message) == (3, CHOSEN)


async def test_connection_that_is_sent_back_goes_to_the_worker_of_its_session(site: Site) -> None:
    with site.connect(b"GET / HTTP/1.1\r\n"):
        number, _, connection = await site.passed()
        other = 3 - number
        read = SESSION.replace(b"sid=2", f"sid={other}".encode())
        site.workers[number - 1].channel.send(BACK + read, connection.detach())

        number, message, connection = await site.passed()
        connection.close()
        assert (number, message) == (other, CHOSEN + read)


async def test_encrypted_connection_goes_by_address_without_a_look() -> None:
    site = Site(None)
    try:
        with site.connect():
            _, message, connection = await site.passed()
            connection.close()
            assert message == CHOSEN
    finally:
        site.close()


async def test_channel_to_a_process_that_does_not_read_is_bounded() -> None:
    ours, theirs = socket_pair()
    channel = SocketChannel(ours, lambda *_: None, lambda: None)

    sent = 0
    while channel.send(b"x"):
        sent += 1

    assert channel.is_full
    assert 1024 <= sent < 10_000
    assert not channel.send(b"x" * (MAX_DATA + 2))
    channel.close()
    theirs.close()


@pytest.mark.parametrize(
    ("line", "worker"),
    [
        ("GET /socket.io/?EIO=4&sid={} HTTP/1.1", 12),
        ("\r\nPOST /socket.io/?sid={}&EIO=4 HTTP/1.1", 12),
        ("GET http://host/socket.io/?sid={} HTTP/1.1", 12),
        ("GET /socket.io/?EIO=4 HTTP/1.1\r\nReferer: /?sid={}", None),
        ("GET /socket.io/sid={} HTTP/1.1", None),
    ],
)
def test_worker_is_read_from_the_query_of_the_request_line(line: str, worker: int | None) -> None:
    assert worker_of(line.format(session_id(12, "Zk3")).encode()) == worker


def test_client_behind_a_trusted_proxy_is_the_forwarded_one() -> None:
    heads = RequestHeads(ForwardedHeaders(["127.0.0.1"]))
    head = b"GET / HTTP/1.1\r\nx-forwarded-for: 192.0.2.1, 203.0.113.9\r\n"

    assert not heads.is_complete(head, "127.0.0.1")
    assert heads.is_complete(head, "198.51.100.1")
    assert heads.choose(head, "127.0.0.1").network == "203.0.113.9"
    assert heads.choose(head, "198.51.100.1").network == "198.51.100.1"
    body = head.replace(b"x-f", b"f") + b"\r\nX-Forwarded-For: 203.0.113.9\r\n"
    assert heads.is_complete(body, "127.0.0.1")
    assert heads.choose(body, "127.0.0.1").network == "127.0.0.1"
