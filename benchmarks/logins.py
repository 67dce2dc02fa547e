"""Measures how long logins with passwords block the event loop.

A timer is due each millisecond. It is late while something blocks the loop, or while the system
runs other threads on its core; only the former takes processor time of the loop's thread.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import attrs
from argon2 import PasswordHasher

from benchmarks.report import Table
from bundles.security import (
    PasswordSettings,
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
    UserProvider,
)
from rxkernel import Application, KernelClient, Settings

_INTERVAL = 0.001
_PASSWORD = "correct horse"


@attrs.frozen
class Account:
    username: str
    password_hash: str = attrs.field(repr=False)


class Accounts(UserProvider[Account]):
    def __init__(self, password_hash: str) -> None:
        self._hash = password_hash

    async def load(self, identifier: str) -> Account | None:
        return Account(identifier, self._hash)


@attrs.define
class Ticks:
    """The delay of the timer, and the processor time of the loop's thread between two ticks, in
    seconds."""

    late: list[float] = attrs.field(factory=list)
    busy: list[float] = attrs.field(factory=list)

    async def record(self) -> None:
        used = time.thread_time()
        while True:
            due = time.perf_counter() + _INTERVAL
            await asyncio.sleep(_INTERVAL)
            self.late.append(max(0.0, time.perf_counter() - due))
            before, used = used, time.thread_time()
            self.busy.append(used - before)


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


async def logins(*, times: int = 40, settings: PasswordSettings | None = None) -> Table:
    """*times* logins in each case."""
    costs = settings or PasswordSettings()
    hasher = PasswordHasher(costs.iterations, costs.memory, 1)
    security = SecuritySettings(
        passwords=costs, tokens=TokenSettings(secret="secret of the benchmarks, 32 bytes")
    )
    application = Application(
        bundles=[SecurityBundle(Accounts(hasher.hash(_PASSWORD)))],
        settings=Settings(bundles={"security": security}),
    )

    async def log_in(number: int) -> None:
        form = {"username": f"user-{number}", "password": _PASSWORD}
        response = await client.http("security_login", body=form)
        assert response.status_code == 200, response.content

    async def sleep(number: int) -> None:
        await asyncio.sleep(0.05)

    async def in_the_loop(number: int) -> None:
        hasher.hash(_PASSWORD)
        await asyncio.sleep(0)

    table = Table(
        "The event loop during logins",
        {
            "case": "",
            "at a time": "d",
            "seconds": ".2f",
            "timers": "d",
            "late, p99 ms": ".2f",
            "latest, ms": ".2f",
            "longest iteration of the loop, processor ms": ".2f",
        },
        f"{times} of each, in process; Argon2id with {costs.memory} KiB, {costs.iterations} "
        f"passes and {costs.threads} threads.",
    )
    cases: list[tuple[str, int, Callable[[int], Awaitable[None]]]] = [
        ("idle", 1, sleep),
        ("logins", 1, log_in),
        ("logins", 8, log_in),
        ("logins", times, log_in),
        ("hashes in the loop, for comparison", 1, in_the_loop),
    ]
    async with KernelClient(application) as client:
        await log_in(0)
        for title, at_a_time, do in cases:
            ticks = Ticks()
            seconds = await _measured(ticks, times, at_a_time, do)
            latest, longest = max(ticks.late), max(ticks.busy)
            table.add(
                title,
                at_a_time,
                seconds,
                len(ticks.late),
                _p99(ticks.late) * 1e3,
                latest * 1e3,
                longest * 1e3,
            )
    return table


async def _measured(
    ticks: Ticks, times: int, at_a_time: int, do: Callable[[int], Awaitable[None]]
) -> float:
    """Log in *times* times, at most *at_a_time* at once, starting one each millisecond; return the
    seconds."""
    turns = asyncio.Semaphore(at_a_time)

    async def turn(number: int) -> None:
        await asyncio.sleep(number * _INTERVAL)
        async with turns:
            await do(number)

    recording = asyncio.create_task(ticks.record())
    await asyncio.sleep(0.05)
    begin = time.perf_counter()
    await asyncio.gather(*(turn(number) for number in range(times)))
    seconds = time.perf_counter() - begin
    recording.cancel()
    return seconds
