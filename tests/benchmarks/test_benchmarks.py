"""The benchmarks run, in their smallest form; the figures are not asserted."""

from benchmarks.broadcast import broadcast
from benchmarks.peers import chosen
from benchmarks.roundtrips import Load, roundtrips

RXKERNEL = chosen(["rxkernel"])


async def test_roundtrips_benchmark_runs() -> None:
    table = await roundtrips(RXKERNEL, Load(connections=2, seconds=0.2, rounds=1))

    (row,) = table.records()
    assert isinstance(row["per second"], float)
    assert row["per second"] > 0


async def test_broadcast_is_received_by_all_clients() -> None:
    table = await broadcast(RXKERNEL, listeners=5, rounds=1, times=1)

    (row,) = table.records()
    assert isinstance(row["until the last has it, ms"], float)
    assert row["until the last has it, ms"] > 0
