"""The benchmarks run, in their smallest form; the figures are not asserted.

All clients have one address, so a server with the default limits rejects them once there are
many: `memory` exceeds those of connections and of sessions.
"""

import resource
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.broadcast import broadcast
from benchmarks.buses import OWN as BUS
from benchmarks.buses import bus_broadcasts, bus_hangs
from benchmarks.churn import churn
from benchmarks.clusters import OWN as CLUSTER
from benchmarks.clusters import cluster_calls
from benchmarks.contracts import contracts
from benchmarks.databases import databases
from benchmarks.documents import documents
from benchmarks.drain import drain
from benchmarks.endpoints import endpoints
from benchmarks.gateways import OWN, broker_calls, gateway_calls
from benchmarks.kernel import kernel
from benchmarks.logins import logins
from benchmarks.metacom import OWN as METACOM
from benchmarks.metacom import metacom_calls
from benchmarks.peers import chosen
from benchmarks.reloads import reloads
from benchmarks.report import Table
from benchmarks.roundtrips import Load, roundtrips
from benchmarks.router import router
from benchmarks.schedules import schedules
from benchmarks.states import states
from benchmarks.templates import templates
from benchmarks.web import web
from benchmarks.worker_pool import worker_pool
from bundles.security import PasswordSettings
from rxkernel import HttpSettings, SocketioSettings
from tests.required_tools import require_nats_server

RXKERNEL = chosen(["rxkernel"])

BEYOND_LIMITS = 100 + max(
    HttpSettings().max_connections_per_address, SocketioSettings().max_sessions_per_address
)


@pytest.fixture(autouse=True)
def file_limit() -> Iterator[None]:
    """Restore the limit of open files of this process, which the benchmarks raise."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_memory_benchmark_holds_more_connections_than_the_default_limits() -> None:
    result = CliRunner().invoke(
        main,
        ["memory", "--peer", "rxkernel", "--step", str(BEYOND_LIMITS)],
        catch_exceptions=False,
    )

    assert result.exit_code == 0, result.output
    assert f"{BEYOND_LIMITS:,} held" in result.output


async def test_documents_benchmark_runs() -> None:
    table = await documents(definitions=20)

    (row,) = table.records()
    assert row["definitions"] == 20


async def test_endpoints_benchmark_runs() -> None:
    table = await endpoints(count=3)

    assert [row["endpoints"] for row in table.records()] == [3, 3]


def test_templates_benchmark_runs() -> None:
    rows = templates(rounds=1).records()

    assert len(rows) == 5
    assert all(row["ratio"] for row in rows)


@pytest.mark.usefixtures("wrk")
def test_web_benchmark_runs() -> None:
    hello, files = web(seconds=1, rounds=1)

    assert [row["server"] for row in hello.records()][1::2] == [
        "a directory, page",
        "a directory, JSON",
    ]
    assert [row["server"] for row in files.records()][:2] == ["aiohttp, `add_static`", "rxkernel"]
    assert all(row["ratio"] for table in (hello, files) for row in table.records())


async def test_roundtrips_benchmark_runs() -> None:
    table = await roundtrips(RXKERNEL, Load(connections=2, seconds=0.2, rounds=1))

    (row,) = table.records()
    assert isinstance(row["per second"], float)
    assert row["per second"] > 0


async def test_gateways_benchmark_runs() -> None:
    table = await gateway_calls([OWN], Load(connections=2, seconds=0.2, rounds=1))

    (row,) = table.records()
    assert isinstance(row["per second"], float)
    assert row["per second"] > 0


async def test_clusters_benchmark_runs() -> None:
    require_nats_server()

    table = await cluster_calls([CLUSTER], rounds=1, calls=80, warm_up=16)

    for row in table.records():
        assert isinstance(row["both"], float)
        assert row["both"] > 0


async def test_metacom_benchmark_runs() -> None:
    table = await metacom_calls([METACOM], Load(connections=2, seconds=0.2, rounds=1))

    (row,) = table.records()
    assert isinstance(row["per second"], float)
    assert row["per second"] > 0


async def test_churn_benchmark_visits_do_not_fail() -> None:
    (row,) = (await churn(RXKERNEL, rate=20, seconds=0.5)).records()

    assert (row["visits"], row["failed"], row["objects left"]) == (10, 0, "none")


async def test_drain_benchmark_loses_no_event() -> None:
    (row,) = (await drain(RXKERNEL, sockets=20, rate=200, seconds=0.2)).records()

    assert (row["lost"], row["exit code"]) == (0, 0)


async def test_broadcast_is_received_by_all_clients() -> None:
    table = await broadcast(RXKERNEL, listeners=5, rounds=1, times=1)

    (row,) = table.records()
    assert isinstance(row["until the last has it, ms"], float)
    assert row["until the last has it, ms"] > 0


async def test_bus_benchmark_reaches_clients_of_both_processes(redis_server: Path) -> None:
    (row,) = bus_broadcasts([BUS], listeners=4, rounds=1, times=2).records()
    assert isinstance(row["until the last has it, ms"], float)
    assert row["until the last has it, ms"] > 0

    (row,) = (await bus_hangs([BUS], times=10)).records()
    assert isinstance(row["slowest, ms"], float)
    assert row["slowest, ms"] > 0


async def _kernel() -> Table:
    return await kernel(rounds=1, calls=10)


async def _contracts() -> Table:
    return await contracts(rounds=1, calls=10)


async def _databases() -> Table:
    return await databases(rounds=1, calls=2)


async def _reloads() -> Table:
    return await reloads(endpoints=(2,), times=1)


async def _broker_calls() -> Table:
    return await broker_calls(rounds=1, calls=10)


async def _schedules() -> Table:
    return await schedules(entries=(2,), seconds=0.01)


async def _states() -> Table:
    return await states(reads=10, times=10, calls=4)


async def _worker_pool() -> Table:
    return await worker_pool(rounds=1, calls=10)


async def _router() -> Table:
    return router(numbers=(10, 20), rounds=1)


async def _logins() -> Table:
    return await logins(times=3, settings=PasswordSettings(memory=8, iterations=1))


@pytest.mark.parametrize(
    "measure",
    [
        *(_kernel, _contracts, _databases, _broker_calls, _reloads, _schedules, _states),
        *(_worker_pool, _router, _logins),
    ],
)
async def test_benchmark_in_process_returns_figures(
    measure: Callable[[], Coroutine[Any, Any, Table]],
) -> None:
    assert (await measure()).records()
