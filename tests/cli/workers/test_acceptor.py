"""The acceptor of ``serve --workers``: the worker that gets a connection; hostile clients."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator

import pytest

from rxkernel.cli.workers.acceptor import Acceptor
from rxkernel.cli.workers.request_heads import MAX_HEAD, RequestHeads
from rxkernel.cli.workers.worker_sockets import WorkerSockets
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.workers.listening_sockets import BACKLOG
from rxkernel.servers.workers.passed_sockets import BACK, CHOSEN, END, PING, STOP, UNKNOWN
from rxkernel.servers.workers.session_ids import session_id, worker_of
from rxkernel.servers.workers.socket_channel import MAX_DATA, SocketChannel, socket_pair

SESSION = b"GET /socket.io/?EIO=4&transport=polling&sid=2.abc HTTP/1.1\r\n"


class Worker:
    """The messages of an acceptor to one worker."""

    def __init__(self, end: socket.socket) -> None:
        self.messages: asyncio.Queue[tuple[bytes, int | None]] = asyncio.Queue()
        self.channel = SocketChannel(end, self._receive, lambda: None)

    def _receive(self, data: bytes, descriptor: int | None) -> None:
        if data == PING:
            self.channel.send(PING)
        else:
            self.messages.put_nowait((data, descriptor))

    async def next(self) -> tuple[bytes, socket.socket]:
        async with asyncio.timeout(30):
            data, descriptor = await self.messages.get()
        assert descriptor is not None
        return data, socket.socket(fileno=descriptor)


class Site:
    """An acceptor on a free port, and its two workers."""

    def __init__(self, heads: RequestHeads | None) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.acceptor = Acceptor([self.listening], 2, heads)
        self.workers: list[Worker] = []
        for place in (0, 1):
            self.workers.append(Worker(self.add(place)[1]))

    def add(self, place: int) -> tuple[WorkerSockets, socket.socket]:
        """Add a worker that listens; return it and the other end of its channel."""
        ours, theirs = socket_pair()
        pool = self.acceptor.pool
        worker = pool.add(ours, theirs.dup(), pool.new_number())
        pool.use(worker, place)
        return worker, theirs

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


async def test_request_of_session_is_passed_unread_to_its_worker(site: Site) -> None:
    with site.connect(SESSION):
        number, message, connection = await site.passed()

        with connection:
            assert (number, message) == (2, CHOSEN)
            assert connection.recv(MAX_HEAD) == SESSION


async def test_requests_without_session_are_passed_to_one_worker_by_address(site: Site) -> None:
    numbers = set()
    for target in (b"/", b"/?sid=2", b"/?sid=77.abc", b"/?asid=1.abc", b"/?x=/?sid=1.abc"):
        with site.connect(b"GET " + target + b" HTTP/1.1\r\n"):
            number, message, connection = await site.passed()
            connection.close()
            assert message == CHOSEN
            numbers.add(number)

    assert len(numbers) == 1


async def test_handshakes_of_one_address_are_passed_to_all_workers(site: Site) -> None:
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


async def test_request_line_in_pieces_is_awaited_without_busy_waiting(site: Site) -> None:
    with site.connect(SESSION[:20]) as client:
        await _accepted(site)
        client.sendall(SESSION[20:])
        number, message, connection = await site.passed()

    with connection:
        assert (number, message) == (2, CHOSEN)
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT) == 1


async def _accepted(site: Site) -> None:
    """Wait until the acceptor has read the connections before this one."""
    with site.connect(b"GET / HTTP/1.1\r\n"):
        (await site.passed())[2].close()


@pytest.mark.parametrize("sent", [b"", b"GET / HT"], ids=["nothing", "part of a line"])
async def test_request_line_missing_after_patience_is_passed_as_unknown(
    site: Site, sent: bytes
) -> None:
    site.acceptor.patience = 0.0
    with site.connect(sent):
        _, message, connection = await site.passed()

        connection.close()
        assert message == UNKNOWN


async def test_request_line_sent_byte_by_byte_is_passed_as_unknown(site: Site) -> None:
    with site.connect() as client:
        passed = asyncio.create_task(site.passed())
        while not passed.done():
            client.sendall(b"G")
            await asyncio.sleep(0.001)
        _, message, connection = passed.result()

        connection.close()
        assert message == UNKNOWN


async def test_request_line_too_long_is_passed_to_a_worker(site: Site) -> None:
    with site.connect(b"GET /" + MAX_HEAD * b"x"):
        _, message, connection = await site.passed()

        connection.close()
        assert message == CHOSEN


async def test_oldest_silent_client_above_max_waiting_is_passed_as_unknown(site: Site) -> None:
    site.acceptor.max_waiting = 2
    clients = [site.connect() for _ in range(3)]

    _, message, connection = await site.passed()

    with connection:
        assert message == UNKNOWN
        assert connection.getpeername() == clients[0].getsockname()
    for client in clients:
        client.close()


async def test_client_that_closes_before_its_request_is_not_passed(site: Site) -> None:
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


async def test_request_without_open_worker_waits_for_the_next(site: Site) -> None:
    with site.connect(SESSION[:20]) as client:
        await _accepted(site)
        for worker in site.workers:
            worker.channel.send(STOP)
            assert await worker.messages.get() == (END, None)
        client.sendall(SESSION[20:])
        for _ in range(3):  # iterations of the event loop, in which the acceptor reads
            await asyncio.sleep(0)

        site.workers.append(Worker(site.add(0)[1]))
        number, message, connection = await site.passed()
        connection.close()
        assert (number, message) == (3, CHOSEN)


async def test_connection_sent_back_is_passed_to_worker_of_its_session(site: Site) -> None:
    with site.connect(b"GET / HTTP/1.1\r\n"):
        number, _, connection = await site.passed()
        other = 3 - number
        read = SESSION.replace(b"sid=2", f"sid={other}".encode())
        site.workers[number - 1].channel.send(BACK + read, connection.detach())

        number, message, connection = await site.passed()
        connection.close()
        assert (number, message) == (other, CHOSEN + read)


async def test_encrypted_connection_is_passed_unread_by_address() -> None:
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

    assert channel.queued == 512 <= sent < 1000
    assert not channel.send(b"x" * (MAX_DATA + 2))
    channel.close()
    theirs.close()


class Hanging:
    """A site whose first worker reads nothing."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.worker, self.end = site.add(0)
        self.session = SESSION.replace(b"sid=2", f"sid={self.worker.number}".encode())

    async def fill(self) -> list[socket.socket]:
        """Send it connections of its session until connections are queued."""
        clients = []
        while not self.worker.queued:
            clients.append(self.site.connect(self.session))
            await _run_loop()
        return clients


async def _run_loop() -> None:
    for _ in range(3):  # iterations of the loop, in which the acceptor reads
        await asyncio.sleep(0)


@pytest.fixture
async def hanging(site: Site) -> AsyncIterator[Hanging]:
    site.workers[0].channel.send(STOP)
    assert await site.workers[0].messages.get() == (END, None)
    hanging = Hanging(site)
    yield hanging
    hanging.end.close()


async def test_unread_connections_of_ended_worker_are_passed_to_another(
    site: Site, hanging: Hanging
) -> None:
    """The channel does not end with the worker: a process that it has forked has it open."""
    clients = await hanging.fill()
    with site.connect(b"GET /split") as split:
        await _accepted(site)

        hanging.worker.close()

        for client in clients:
            number, message, connection = await site.passed()
            with client, connection:
                assert (number, message) == (2, CHOSEN)
                assert connection.recv(MAX_HEAD) == hanging.session
        split.sendall(b" HTTP/1.1\r\n")
        (await site.passed())[2].close()


async def test_connection_moving_to_ending_worker_is_passed_to_another(
    site: Site, hanging: Hanging
) -> None:
    with site.connect(b"GET / HTTP/1.1\r\n"):
        _, _, connection = await site.passed()
        connection.recv(MAX_HEAD)
        site.workers[1].channel.send(BACK + hanging.session, connection.detach())
        await asyncio.sleep(0)
        await _accepted(site)

        hanging.worker.close()

        number, message, connection = await site.passed()
        connection.close()
        assert (number, message) == (2, CHOSEN + hanging.session)


async def test_connections_sent_back_by_ending_worker_are_passed(site: Site) -> None:
    worker, theirs = site.add(0)
    with site.connect(SESSION):
        _, _, connection = await site.passed()
        with connection:
            socket.send_fds(theirs, [BACK + SESSION], [connection.fileno()])
        theirs.close()

        worker.close()

        number, message, connection = await site.passed()
        connection.close()
        assert (number, message) == (2, CHOSEN + SESSION)


async def test_hanging_worker_gets_only_its_sessions_until_it_reads(
    site: Site, hanging: Hanging
) -> None:
    hanging.worker.patience = 0.01
    with site.connect(hanging.session), site.connect(b"GET /?EIO=4 HTTP/1.1\r\n"):
        (await site.passed())[2].close()  # a new session, passed to the workers in turn
        with site.connect(b"GET /?EIO=4 HTTP/1.1\r\n"):
            # The other one waits in the worker that hangs, and is taken back.
            number, message, connection = await site.passed()
            connection.close()
            assert (number, message) == (2, CHOSEN)
        assert hanging.worker.hangs
        assert site.acceptor.counters.counts["worker is hanging"] >= 1

        reading = Worker(hanging.end)
        message, connection = await reading.next()
        connection.close()
        assert message == CHOSEN
        site.workers.append(reading)
        await _accepted(site)
        assert not hanging.worker.hangs


async def test_new_connections_skip_worker_with_many_unread_ones(
    site: Site, hanging: Hanging
) -> None:
    clients = await hanging.fill()

    for _ in range(4):
        with site.connect(b"GET /?EIO=4 HTTP/1.1\r\n"):
            number, _, connection = await site.passed()
            connection.close()
            assert number == 2
    for client in clients:
        client.close()


async def test_connections_wait_in_the_backlog_while_a_worker_is_congested(
    site: Site, hanging: Hanging
) -> None:
    clients = await hanging.fill()
    while not site.acceptor.pool.is_congested:
        clients.append(site.connect(hanging.session))
        await _run_loop()
    clients += (site.connect(hanging.session) for _ in range(500))

    site.workers.append(Worker(hanging.end))
    for client in clients:
        number, _, connection = await site.passed()
        assert number == 3
        connection.close()
        client.close()


async def test_connections_in_the_backlog_are_passed_before_last_worker_stops(site: Site) -> None:
    clients = [site.connect(SESSION) for _ in range(300)]
    for worker in site.workers:
        worker.channel.send(STOP)

    for worker in site.workers:
        while (message := await worker.messages.get()) != (END, None):
            assert message[1] is not None
            os.close(message[1])
            clients.pop().close()
    assert not clients


IN_FLIGHT = """
import asyncio, os, resource, socket
from rxkernel.servers.workers.socket_channel import SocketChannel, socket_pair

async def main():
    (hanging, unread), (ours, theirs) = socket_pair(), socket_pair()
    received = asyncio.Event()
    full = SocketChannel(hanging, print, print)
    healthy = SocketChannel(ours, print, print)
    SocketChannel(theirs, lambda data, descriptor: received.set(), print)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    if not os.getuid():
        os.setuid(65534)
    while not full.queued:
        assert full.send(b"C", os.dup(0))
    assert healthy.send(b"C", os.dup(0)) and healthy.queued
    socket.recv_fds(unread, 1, 1)
    socket.recv_fds(unread, 1, 1)
    socket.recv_fds(unread, 1, 1)
    await asyncio.wait_for(received.wait(), 30)
    print("received", full.queued)

asyncio.run(main())
"""


async def test_limit_of_sockets_in_flight_delays_connections() -> None:
    """unix(7), ETOOMANYREFS: the limit applies to all workers together, but not to root."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", IN_FLIGHT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert output.startswith(b"received")


@pytest.mark.parametrize(
    ("line", "worker"),
    [
        ("GET /socket.io/?EIO=4&sid={} HTTP/1.1", 12),
        ("\r\nPOST /socket.io/?sid={}&EIO=4 HTTP/1.1", 12),
        ("GET http://host/socket.io/?sid={} HTTP/1.1", 12),
        ("GET /socket.io/?sid={}&sid=3.x HTTP/1.1", 12),
        ("GET /socket.io/?EIO=4 HTTP/1.1\r\nReferer: /?sid={}", None),
        ("GET /socket.io/sid={} HTTP/1.1", None),
    ],
)
def test_worker_number_is_read_from_query_of_request_line_only(
    line: str, worker: int | None
) -> None:
    assert worker_of(line.format(session_id(12, "Zk3")).encode()) == worker


def test_client_address_behind_trusted_proxy_is_the_forwarded_address() -> None:
    heads = RequestHeads(ForwardedHeaders(["127.0.0.1"]))
    head = b"GET / HTTP/1.1\r\nx-forwarded-for: 192.0.2.1, 203.0.113.9\r\n"

    assert not heads.is_complete(head, "127.0.0.1")
    assert heads.is_complete(head, "198.51.100.1")
    assert heads.choose(head, "127.0.0.1").network == "203.0.113.9"
    assert heads.choose(head, "198.51.100.1").network == "198.51.100.1"
    body = head.replace(b"x-f", b"f") + b"\r\nX-Forwarded-For: 203.0.113.9\r\n"
    assert heads.is_complete(body, "127.0.0.1")
    assert heads.choose(body, "127.0.0.1").network == "127.0.0.1"
