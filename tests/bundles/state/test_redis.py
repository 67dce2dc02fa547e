"""The state of several processes of an application, with a redis-server that fails."""

import asyncio
import logging
import random
import re
import time
from typing import Any

import attrs
import pytest

from bundles.state import (
    StateConflictException,
    StateFullException,
    StateUnavailableException,
    Transaction,
)
from bundles.state.operations import Set
from bundles.state.redis_log import RedisLog
from rxkernel import KernelClient
from tests.bundles.redis_servers import RedisServer
from tests.bundles.state.conftest import Site, StateOf, application_on
from tests.required_tools import ROOT
from tests.waiting import until

PAGE = ROOT / "docs" / "bundles" / "state.md"


async def pair(site_of: StateOf, server: RedisServer, **state: Any) -> tuple[Site, Site]:
    return await site_of(server, **state), await site_of(server, **state)


async def settled(*sites: Site) -> None:
    """Wait until all have written everything and have read it."""

    def is_settled() -> bool:
        replicas = [site.state._replica for site in sites]
        return not any(replica.own.is_pending for replica in replicas) and (
            len({(replica.epoch, replica.position) for replica in replicas}) == 1
        )

    await until(is_settled)


async def test_change_of_one_process_reaches_the_other(
    site_of: StateOf, shared_redis: RedisServer, prefix: str
) -> None:
    here, there = await pair(site_of, shared_redis, prefix=prefix)
    seen: list[tuple[Any, ...]] = []
    own: list[tuple[Any, ...]] = []
    there.state.watch("", lambda *change: seen.append(change))
    here.state.watch("", lambda *change: own.append(change))
    here.state.set("a", {"b": 1, "c": [2.5, "x", None]})
    assert here.state.get("a.b") == 1
    await until(lambda: len(seen) == 2)
    assert there.state.get("a") == {"b": 1, "c": [2.5, "x", None]}
    assert seen == [("a.b", 1, True), ("a.c", [2.5, "x", None], True)]
    there.state.delete("a")
    await until(lambda: here.state.get("a") is None)
    assert own[2:] == [("a.b", None, True), ("a.c", None, True)]


# T75
async def test_increments_of_two_processes_add_up(
    site_of: StateOf, shared_redis: RedisServer, prefix: str
) -> None:
    """Two processes that increment 1000 times both end at 2000."""
    sites = await pair(site_of, shared_redis, prefix=prefix)
    seen: list[int] = []
    sites[0].state.subscribe("x", lambda path, value, is_remote: seen.append(value))

    async def count(site: Site) -> None:
        for number in range(1000):
            site.state.increment("x")
            if number % 50 == 0:
                await asyncio.sleep(0)

    await asyncio.gather(*map(count, sites))
    await settled(*sites)
    assert [site.state.get("x") for site in sites] == [2000, 2000]
    assert seen == sorted({*seen})
    assert seen[-1] == 2000


# T75
async def test_rolled_back_transaction_is_never_seen_elsewhere(
    site_of: StateOf, shared_redis: RedisServer, prefix: str
) -> None:
    """No watcher elsewhere is called."""
    here, there = await pair(site_of, shared_redis, prefix=prefix)
    seen: list[Any] = []
    there.state.watch("", lambda *change: seen.append(change))
    async with here.state.transaction() as t:
        t.set("a", 1)
        t.rollback()
    async with here.state.transaction() as t:
        t.set("b", 1)
    await settled(here, there)
    assert seen == [("b", 1, True)]


async def test_transfers_of_two_processes_keep_the_sum(
    site_of: StateOf, shared_redis: RedisServer, prefix: str
) -> None:
    """Each transfer reads and writes two accounts. No update is lost, and no account goes below
    0."""
    sites = await pair(site_of, shared_redis, prefix=prefix, attempts=100)
    sites[0].state.set("accounts", {"a": 20, "b": 20, "c": 20})
    await settled(*sites)

    async def move(t: Transaction) -> None:
        source, target = random.sample("abc", 2)
        amount = min(random.randint(1, 9), t.get(f"accounts.{source}"))
        t.set(f"accounts.{source}", t.get(f"accounts.{source}") - amount)
        t.set(f"accounts.{target}", t.get(f"accounts.{target}") + amount)

    def check(path: str, value: Any, is_remote: bool) -> None:
        sums.append(sum(value.values()))

    sums: list[int] = []
    sites[1].state.subscribe("accounts", check)
    await asyncio.gather(*(site.state.transact(move) for site in sites for _ in range(30)))
    await settled(*sites)
    first, second = (site.state.get("accounts") for site in sites)
    assert first == second
    assert {*sums} == {60}
    assert min(first.values()) >= 0


async def test_transaction_on_values_of_the_past_is_a_conflict(
    site_of: StateOf, shared_redis: RedisServer, prefix: str
) -> None:
    here, there = await pair(site_of, shared_redis, prefix=prefix)

    async def copy() -> None:
        async with here.state.transaction() as t:
            t.set("copy", t.get("a", 0))
            there.state.set("a", 1)
            await there.state.flush()

    with pytest.raises(StateConflictException):
        await copy()
    await settled(here, there)
    assert there.state.get("copy") is None


async def test_increment_of_a_value_that_became_a_text_is_logged(
    site_of: StateOf, shared_redis: RedisServer, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The text precedes the increment in the order of all changes."""
    here, there = await pair(site_of, shared_redis, prefix=prefix)
    here.state.increment("n", delay=3600)
    there.state.set("n", "text")
    await until(lambda: here.state.get("n") == "text")
    here.state.set("m", 1)
    await settled(here, there)
    assert there.state.get("n") == "text"
    assert "1 increments of the state had no effect" in caplog.text
    caplog.clear()


async def test_delayed_changes_are_sent_together(
    site_of: StateOf, shared_redis: RedisServer, prefix: str
) -> None:
    here, there = await pair(site_of, shared_redis, prefix=prefix)
    seen: list[Any] = []
    there.state.watch("", lambda path, value, is_remote: seen.append((path, value)))
    before = there.state._replica.position
    for number in range(100):
        here.state.increment("n", delay=3600)
        here.state.set("last", number, delay=3600)
        await asyncio.sleep(0)
    assert there.state._replica.position == before
    here.state.set("now", True)
    await until(lambda: len(seen) == 3)
    assert seen == [("n", 100), ("last", 99), ("now", True)]
    assert there.state._replica.position == before + 1
    here.state.increment("n", delay=0.02)
    await until(lambda: there.state.get("n") == 101)


async def test_new_process_loads_the_state(
    site_of: StateOf, shared_redis: RedisServer, prefix: str
) -> None:
    here = await site_of(shared_redis, prefix=prefix)
    here.state.set("a", {"b": 1})
    await here.state.flush()
    assert (await site_of(shared_redis, prefix=prefix)).state.get("a") == {"b": 1}
    assert (await site_of(shared_redis, prefix=f"{prefix}x:")).state.get("a") is None


async def test_changes_are_sent_when_the_application_stops(
    site_of: StateOf, shared_redis: RedisServer, prefix: str
) -> None:
    here, there = await pair(site_of, shared_redis, prefix=prefix)
    here.state.set("a", 1, delay=3600)
    await here.application.stop()
    await until(lambda: there.state.get("a") == 1)


async def test_application_stops_at_once_after_its_boot(
    site_of: StateOf, shared_redis: RedisServer, prefix: str
) -> None:
    """With Python 3.11 redis-py loses some cancellations, see `cancellable_connection`."""
    first = await site_of(shared_redis, prefix=prefix)
    first.state.set("a", 1)
    await first.state.flush()
    for steps in range(5):
        site = await site_of(shared_redis, prefix=prefix)
        for _ in range(steps):
            await asyncio.sleep(0)
        await site.application.stop()


async def test_log_is_trimmed_and_a_late_process_loads_the_image(
    redis: RedisServer, site_of: StateOf, prefix: str
) -> None:
    here, there = await pair(site_of, redis, prefix=prefix)
    assert isinstance(there.log, RedisLog)
    seen: list[Any] = []
    there.state.subscribe("n", lambda path, value, is_remote: seen.append(value))
    for number in range(40):
        here.state.set("large", f"{number}" * 50_000)
        here.state.increment("n")
        await here.state.flush()
    await settled(here, there)
    assert here.state._replica.position >= 40
    assert int(redis.command("XLEN", f"{prefix}rxkernel:state:log")[1:]) < 40
    assert seen == list(range(1, 41))
    late = await site_of(redis, prefix=prefix)
    assert late.state.get("n") == 40
    assert late.state._replica.position == here.state._replica.position


async def test_image_that_the_log_does_not_have_is_not_saved(
    site_of: StateOf, shared_redis: RedisServer, prefix: str
) -> None:
    """Redis has restored an older state, and the process has not noticed it yet."""
    here = await site_of(shared_redis, prefix=prefix)
    replica, store = here.state._replica, here.log._store
    here.state.increment("n")
    await here.state.flush()
    older = replica.snapshot()
    here.state.increment("n")
    await here.state.flush()
    lost, newer = attrs.evolve(older, token="of lost entries"), replica.snapshot()
    assert not await store.save_image(replica.epoch, lost)
    assert not await store.save_image(replica.epoch, attrs.evolve(newer, token=lost.token))
    assert not await store.save_image(replica.epoch, attrs.evolve(newer, position=100))
    assert await store.save_image(replica.epoch, older)
    assert await store.save_image(replica.epoch, lost)  # it is not newer
    assert await store.save_image(replica.epoch, newer)
    assert (await site_of(shared_redis, prefix=prefix)).state.get("n") == 2


# Failures


def lost(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if "not shared" in record.message]


async def ready(site: Site) -> None:
    await until(lambda: site.log.problem is None)


async def test_killed_redis_that_restarts_empty_gets_the_state_again(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    """The processes still have the state; changes during the outage are added."""
    here, there = await pair(site_of, redis)
    here.state.set("a", {"b": 1})
    here.state.increment("n", 10)
    await settled(here, there)
    redis.kill()
    for site in (here, there):
        site.state.increment("n")
        site.state.set("a.c", 2)
    assert here.state.get("n") == 11
    await until(lambda: here.log.problem and there.log.problem)
    assert len(lost(caplog)) == 2
    redis.start()
    await until(lambda: here.state.get("n") == there.state.get("n") == 12)
    await settled(here, there)
    assert here.state.get("a") == there.state.get("a") == {"b": 1, "c": 2}
    assert here.log.problem is None
    assert (await site_of(redis)).state.get("n") == 12
    caplog.clear()


async def test_flushed_redis_gets_the_state_again(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = await pair(site_of, redis)
    here.state.increment("n", 10)
    await settled(here, there)
    redis.command("FLUSHALL")
    there.state.increment("n")
    await until(lambda: here.state.get("n") == 11)
    await settled(here, there)
    assert there.state.get("n") == 11
    assert "Redis had lost the state" in caplog.text


async def test_flushed_redis_of_an_empty_state_logs_no_loss(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = await pair(site_of, redis)
    redis.command("FLUSHALL")
    await until(lambda: redis.command("EXISTS", "rxkernel:state") == ":1")
    there.state.set("a", 1)
    await until(lambda: here.state.get("a") == 1)
    assert "lost the state" not in caplog.text


async def test_new_process_does_not_hide_the_state_of_the_others(
    redis: RedisServer, site_of: StateOf
) -> None:
    """The new process is the first one to see the empty Redis, and has no state."""
    here = await site_of(redis)
    here.state.increment("n", 10)
    await here.state.flush()
    redis.kill()
    await until(lambda: here.log.problem)
    redis.start()
    new = await site_of(redis)
    new.state.increment("n")
    await until(lambda: here.state.get("n") == new.state.get("n") == 11)


async def test_paused_redis_delays_changes_only(redis: RedisServer, site_of: StateOf) -> None:
    here, there = await pair(site_of, redis, commit_timeout=0.3)
    here.state.increment("n")
    await settled(here, there)
    with redis.paused():
        here.state.increment("n")
        there.state.increment("n")

        async def change(t: Transaction) -> None:
            t.set("t", 1)

        with pytest.raises(StateUnavailableException):
            await here.state.transact(change)
        await until(lambda: here.log.problem and there.log.problem)
        with pytest.raises(StateUnavailableException, match="nothing was carried out"):
            await here.state.transact(change)
        with pytest.raises(StateUnavailableException, match="kept here, and sent later") as exc:
            await here.state.flush()
        assert exc.value.is_unknown
        assert here.state.get("n") == 2
    await until(lambda: here.state.get("n") == there.state.get("n") == 3)
    await settled(here, there)
    await ready(here)
    await ready(there)


async def test_lost_reply_is_not_reported_once_the_change_arrives(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    """Redis has executed the command after its timeout, and nothing is written later."""
    site = await site_of(redis)
    for _ in range(3):
        with redis.paused():
            site.state.increment("n")
            await until(lambda: site.log.problem)
        await until(lambda: not site.state._replica.own.is_pending)
        await ready(site)
    caplog.clear()


async def test_redis_that_returns_to_an_older_state_gets_the_newer_one(
    redis: RedisServer, site_of: StateOf
) -> None:
    """This Redis saves its data from time to time, and not when it stops."""
    here, there = await pair(site_of, redis)
    here.state.increment("n", 5)
    await settled(here, there)
    redis.command("SAVE")
    here.state.increment("n", 5)
    there.state.set("a", 1)
    await settled(here, there)
    redis.kill()
    redis.start()
    there.state.increment("n", 1)
    await until(lambda: here.state.get("n") == there.state.get("n") == 11)
    await settled(here, there)
    assert here.state.get("a") == there.state.get("a") == 1
    assert (await site_of(redis)).state.get("n") == 11


async def test_log_that_was_evicted_is_written_again(redis: RedisServer, site_of: StateOf) -> None:
    here = await site_of(redis)
    here.state.increment("n", 5)
    await here.state.flush()
    redis.command("DEL", "rxkernel:state:log")
    there = await site_of(redis)
    await until(lambda: there.state.get("n") == 5)
    there.state.increment("n")
    await until(lambda: here.state.get("n") == 6)
    await settled(here, there)


async def test_closed_connections_lose_nothing(redis: RedisServer, site_of: StateOf) -> None:
    here, there = await pair(site_of, redis)
    for _ in range(5):
        here.state.increment("n")
        there.state.increment("n")
        redis.command("CLIENT", "KILL", "TYPE", "normal")
    await until(lambda: here.state.get("n") == there.state.get("n") == 10)


async def test_full_redis_leaves_changes_in_the_process_until_it_has_memory(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = await pair(site_of, redis, max_pending_size=5000)
    redis.command("CONFIG", "SET", "maxmemory", "1")
    here.state.set("a", 1)
    await until(lambda: here.log.problem)
    assert "its memory is full" in str(here.log.problem)
    assert here.state.get("a") == 1
    here.state.set("b", "x" * 5000)
    with pytest.raises(StateFullException, match="wait for Redis"):
        here.state.set("c", 1)
    redis.command("CONFIG", "SET", "maxmemory", "0")
    await until(lambda: there.state.get("a") == 1)
    await ready(here)
    assert len(lost(caplog)) == 1
    caplog.clear()


async def test_redis_that_refuses_to_write_is_a_problem_with_its_reply(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    site = await site_of(redis)
    redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
    site.state.set("a", 1)
    await until(lambda: site.log.problem)
    assert str(site.log.problem).startswith("it replies: NOREPLICAS")
    redis.command("CONFIG", "SET", "min-replicas-to-write", "0")
    await ready(site)
    caplog.clear()


async def test_redis_that_refuses_to_read_is_a_problem_with_its_reply(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    redis.command("CONFIG", "SET", "replica-serve-stale-data", "no")
    redis.command("REPLICAOF", "127.0.0.1", "1")
    site = await site_of(redis)
    assert str(site.log.problem).startswith("it replies: MasterDownError: ")
    redis.command("REPLICAOF", "NO", "ONE")
    await ready(site)
    caplog.clear()


@pytest.mark.parametrize(
    ("commands", "problem"),
    [
        ([("SET", "rxkernel:state", "x")], "other data"),
        ([("HSET", "rxkernel:state", "x", "y")], "no state"),
        ([("HSET", "rxkernel:state", "format", "2", "epoch", "x")], "another version"),
        ([("HSET", "rxkernel:state", "format", "1", "epoch", "x")], "no complete state"),
        ([("RPUSH", "rxkernel:state:log", "x")], "other data"),
        ([("XADD", "rxkernel:state:log", "*", "customer", "ada")], "not of a state"),
        ([("XADD", "rxkernel:state:log", "7-0", "b", "x", "f", "y")], "not of a state"),
    ],
    ids=["text", "hash", "version", "incomplete", "list", "stream", "stream of other fields"],
)
async def test_data_of_others_is_reported_and_kept(
    redis: RedisServer,
    site_of: StateOf,
    caplog: pytest.LogCaptureFixture,
    commands: list[tuple[str, ...]],
    problem: str,
) -> None:
    for command in commands:
        redis.command(*command)
    site = await site_of(redis)
    assert problem in site.log.problem
    site.state.increment("n")
    assert site.state.get("n") == 1
    key = commands[0][1]
    assert redis.command("EXISTS", key) == ":1"
    redis.command("DEL", key)
    await ready(site)
    await site.state.flush()
    assert len(lost(caplog)) == 1
    caplog.clear()


async def test_stream_of_a_state_without_its_hash_is_replaced(
    redis: RedisServer, site_of: StateOf
) -> None:
    """Redis has evicted the hash."""
    here = await site_of(redis)
    here.state.increment("n")
    await here.state.flush()
    redis.command("DEL", "rxkernel:state")
    there = await site_of(redis)
    there.state.increment("n")
    await until(lambda: here.state.get("n") == there.state.get("n") == 2)


async def test_entry_of_others_in_the_stream_is_reported(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    site = await site_of(redis)
    redis.command("XADD", "rxkernel:state:log", "*", "x", "y")
    await until(lambda: site.log.problem)
    assert "not of a state" in str(site.log.problem)
    site.state.increment("n")
    redis.command("DEL", "rxkernel:state", "rxkernel:state:log")
    await ready(site)
    await site.state.flush()
    assert (await site_of(redis)).state.get("n") == 1
    caplog.clear()


COMMANDS = [
    *("+ping", "+select", "+hmget", "+hlen", "+hset", "+xread", "+xrange", "+xadd", "+xtrim"),
    *("+del", "+type", "+evalsha", "+eval", "+script|load"),
]


async def test_user_of_redis_with_the_documented_commands_shares_the_state(
    redis: RedisServer, site_of: StateOf
) -> None:
    keys = ("~rxkernel:state", "~rxkernel:state:log")
    redis.command("ACL", "SETUSER", "shop", "on", ">secret", "resetchannels", *keys, *COMMANDS)
    here = await site_of(redis, user="shop:secret@")
    there = await site_of(redis, user="shop:secret@")
    for number in range(30):
        here.state.set("large", f"{number}" * 60_000)
        await here.state.flush()
    await settled(here, there)
    assert here.log.problem is there.log.problem is None
    assert int(redis.command("XLEN", "rxkernel:state:log")[1:]) < 30
    assert set(COMMANDS) <= {*PAGE.read_text(encoding="utf-8").replace("`", " ").split()}


async def test_process_that_cannot_share_the_state_is_not_ready(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis.command("SET", "rxkernel:state", "x")
    async with KernelClient(application_on(redis)) as client:
        ready = await client.http("readyz")
    assert ready.status_code == 503
    assert {error["name"] for error in ready.content["errors"]} == {"servers", "state"}
    caplog.clear()


class Unpackable(Set):
    """Raises an unexpected error when it is written for the first time."""

    def packed(self) -> list[Any]:
        if not self.value.pop("was_packed", False):
            self.value["was_packed"] = True
            raise ZeroDivisionError("of the operation")
        return super().packed()


async def test_writing_continues_after_an_unexpected_error(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = await pair(site_of, redis)
    caplog.set_level(logging.INFO)
    begin = time.monotonic()
    here.state._replica.change(Unpackable("a", ("a",), {"b": 1}), lambda tree: True)
    here.state.set("c", 1)
    await until(lambda: here.log.problem)
    assert here.log.problem == "an error, see the log"
    await until(lambda: there.state.get("c") == 1)
    await ready(here)
    assert there.state.get("a") == {"b": 1}
    assert "ZeroDivisionError: of the operation" in caplog.text
    found = re.search(r"shared again, after ([\d.]+) seconds", caplog.text)
    assert found is not None
    assert float(found[1]) <= time.monotonic() - begin + 0.1
    caplog.clear()


async def test_log_whose_entries_do_not_follow_each_other_is_reported(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    site = await site_of(redis)
    redis.command("HSET", "rxkernel:state", "token", "of another log")
    site.state.set("a", 1)
    await until(lambda: site.log.problem)
    assert "do not follow each other" in str(site.log.problem)
    redis.command("DEL", "rxkernel:state", "rxkernel:state:log")
    await site.state.flush()
    assert (await site_of(redis)).state.get("a") == 1
    caplog.clear()


async def test_changes_that_are_lost_at_the_end_are_logged(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    site = await site_of(redis)
    redis.kill()
    await until(lambda: site.log.problem)
    site.state.set("a", "x" * 100)
    await site.application.stop()
    assert "changes of the state, of 101 bytes, are lost" in caplog.text
    caplog.clear()


async def test_changes_that_may_be_lost_at_the_end_are_logged(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    """Redis has already received the first change, and executes it later."""
    here = await site_of(redis)
    here.state.set("script", "loaded")
    await here.state.flush()
    with redis.paused():
        here.state.set("a", "x" * 100)
        await until(lambda: here.state._replica.own.outgoing)
        here.state.set("b", "x" * 200)
        await here.application.stop()
    assert "changes of the state, of 101 bytes, may be lost: they were sent" in caplog.text
    assert "changes of the state, of 201 bytes, are lost" in caplog.text
    caplog.clear()
    there = await site_of(redis)
    await until(lambda: there.state.get("a") == "x" * 100)


async def test_stop_sends_waiting_changes_when_redis_is_back(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    """The stop does not wait for the next attempt, which may be later than its timeout."""
    here = await site_of(redis, command_timeout=10)
    redis.kill()
    await until(lambda: here.log.problem)
    here.state.set("a", 1)
    redis.start()
    await here.application.stop()
    assert len(lost(caplog)) == 1
    assert "lost:" not in caplog.text
    assert (await site_of(redis)).state.get("a") == 1
    caplog.clear()


async def test_stop_waits_for_a_redis_that_starts(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    here = await site_of(redis, command_timeout=10)
    redis.kill()
    await until(lambda: here.log.problem)
    here.state.set("a", 1)
    stopping = asyncio.create_task(here.application.stop())
    await asyncio.sleep(0)
    redis.start()
    await stopping
    assert (await site_of(redis)).state.get("a") == 1
    caplog.clear()


async def test_cancelled_transaction_is_not_carried_out_later(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    site = await site_of(redis)
    redis.kill()
    await until(lambda: site.log.problem)

    async def change(t: Transaction) -> None:
        t.set("a", 1)

    task = asyncio.create_task(site.state.transact(change))
    await until(lambda: site.state._replica.own.is_pending)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    redis.start()
    site.state.set("b", 1)
    await site.state.flush()
    assert site.state.get("a") is None
    caplog.clear()


async def test_boot_without_redis_works_alone_until_it_is_there(
    redis: RedisServer, site_of: StateOf, caplog: pytest.LogCaptureFixture
) -> None:
    redis.kill()
    here = await site_of(redis)
    assert here.log.problem
    here.state.increment("n")
    redis.start()
    await here.state.flush()
    there = await site_of(redis)
    assert there.state.get("n") == 1
    caplog.clear()
