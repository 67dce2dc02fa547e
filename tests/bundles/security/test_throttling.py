"""Limits of failed logins: per account, per address, and users who are not locked out."""

import asyncio
import time

import attrs
import pytest

from bundles.security import AddressLimit, BadCredentials, SecuritySettings, ThrottlingSettings
from bundles.security.logins.rate_limit import RateLimit
from bundles.security.logins.throttling import Throttling
from rxkernel import (
    ClientAddress,
    KernelClient,
    Request,
    ServiceUnavailableException,
    TooManyRequestsException,
    Transport,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.logins import CHEAP, Account, Accounts, login, logins, password_of


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def throttling_of(**limits: int) -> Throttling:
    limits = {"attempts": 3, "address_attempts": 10, "account_attempts": 6, **limits}
    return Throttling(SecuritySettings(throttling=ThrottlingSettings(window=300, **limits)))


async def fails(throttling: Throttling, account: str, address: str | None) -> bool:
    """Whether a failed login was counted; False if it was refused."""
    try:
        async with throttling.attempt(account, address):
            raise BadCredentials
    except BadCredentials:
        return True
    except TooManyRequestsException:
        return False


async def succeeds(throttling: Throttling, account: str, address: str | None) -> bool:
    try:
        async with throttling.attempt(account, address):
            return True
    except TooManyRequestsException:
        return False


async def test_account_is_limited_at_one_address_only(clock: Clock) -> None:
    throttling = throttling_of()

    assert [await fails(throttling, "ada", "10.0.0.1") for _ in range(4)] == [True] * 3 + [False]
    assert not await succeeds(throttling, "ada", "10.0.0.1")
    assert await succeeds(throttling, "ada", "10.0.0.2")
    assert await succeeds(throttling, "eve", "10.0.0.1")


async def test_spellings_of_an_identifier_are_counted_together(clock: Clock) -> None:
    throttling = throttling_of()
    for spelling in ("ada", "ADA", " \uff41\uff44\uff41 "):
        assert await fails(throttling, spelling, "10.0.0.1")
    assert not await fails(throttling, "Ada", "10.0.0.1")


async def test_names_of_a_user_are_counted_together(client_of: ClientOf) -> None:
    class ByMail(Accounts):
        async def load(self, identifier: str) -> Account | None:
            return await super().load(identifier.partition("@")[0])

    client = client_of(logins(ByMail()))
    statuses = []
    for name in ("ada", "ada@a", "ada@b", "ada@c", "ada@d", "ada@e", "eve@e"):
        statuses.append((await login(client, name, password="wrong")).status_code)
    assert statuses == [401, 401, 401, 401, 401, 429, 401]


async def test_attempts_become_free_one_by_one(clock: Clock) -> None:
    throttling = throttling_of()
    for _ in range(3):
        await fails(throttling, "ada", "10.0.0.1")
    with pytest.raises(TooManyRequestsException) as caught:
        async with throttling.attempt("ada", "10.0.0.1"):
            pass
    assert caught.value.headers["Retry-After"] == "100"

    clock.now += 101
    assert [await fails(throttling, "ada", "10.0.0.1") for _ in range(2)] == [True, False]
    clock.now += 400
    assert [await fails(throttling, "ada", "10.0.0.1") for _ in range(4)] == [True] * 3 + [False]


async def test_success_does_not_forget_failures(clock: Clock) -> None:
    """The failures may be from another client, or from an account whose name differs in case."""
    throttling = throttling_of(account_attempts=100)
    for _ in range(2):
        assert await fails(throttling, "ada", "10.0.0.1")
    for _ in range(100):
        assert await succeeds(throttling, "ada", "10.0.0.1")
    assert await fails(throttling, "ada", "10.0.0.1")
    assert not await succeeds(throttling, "ada", "10.0.0.1")


async def test_logins_of_an_account_do_not_allow_more_guesses_of_a_similar_name(
    client_of: ClientOf,
) -> None:
    accounts = Accounts()
    accounts.add("Ada")
    client = client_of(logins(accounts))
    guesses = []
    for number in range(20):
        if number % 4 == 3:
            await login(client, "Ada")
        guesses.append((await login(client, password=f"guess {number}")).status_code)
    assert guesses == [401] * 5 + [429] * 15


async def test_address_of_a_login_is_not_known_for_a_similar_name(clock: Clock) -> None:
    throttling = throttling_of(attempts=100)
    assert await succeeds(throttling, "Ada", "10.0.0.1")
    assert [await fails(throttling, "ada", f"10.0.1.{n}") for n in range(7)] == [True] * 6 + [
        False
    ]

    assert await succeeds(throttling, "Ada", "10.0.0.1")
    assert not await fails(throttling, "ada", "10.0.0.1")


async def test_user_is_known_by_the_name_that_was_sent_and_by_its_own(clock: Clock) -> None:
    """The provider ignores case."""
    throttling = throttling_of(attempts=100)
    async with throttling.attempt("ADA", "10.0.0.1") as attempt:
        attempt.names("ada")
    for n in range(7):
        await fails(throttling, "ada", f"10.0.1.{n}")
    for name in ("ADA", "ada"):
        assert await succeeds(throttling, name, "10.0.0.1")


async def test_address_is_limited_for_all_accounts(clock: Clock) -> None:
    throttling = throttling_of()

    assert [await fails(throttling, f"a{n}", "10.0.0.1") for n in range(11)] == [True] * 10 + [
        False
    ]
    assert await fails(throttling, "a0", "10.0.0.2")


async def test_owner_is_not_locked_out_by_failures_at_other_addresses(clock: Clock) -> None:
    throttling = throttling_of()
    assert await succeeds(throttling, "ada", "10.0.0.1")

    counted = [await fails(throttling, "ada", f"10.0.1.{n}") for n in range(7)]

    assert counted == [True] * 6 + [False]
    assert await succeeds(throttling, "ada", "10.0.0.1")
    assert not await succeeds(throttling, "ada", "10.0.0.9")


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        (None, "", True),
    ],
)
async def test_network_of_64_bits_is_one_address(
    clock: Clock, one: str | None, other: str, are_same: bool
) -> None:
    throttling = throttling_of(attempts=1)
    assert await fails(throttling, "ada", one)

    assert await succeeds(throttling, "ada", other) is not are_same


async def test_failure_of_the_application_is_not_counted(clock: Clock) -> None:
    throttling = throttling_of(attempts=1)
    for _ in range(5):
        with pytest.raises(RuntimeError):
            async with throttling.attempt("ada", "10.0.0.1"):
                raise RuntimeError
    assert await succeeds(throttling, "ada", "10.0.0.1")


async def test_cancelled_attempt_is_counted(clock: Clock) -> None:
    """Otherwise a client could disconnect before each response."""
    throttling = throttling_of(attempts=1)
    with pytest.raises(asyncio.CancelledError):
        async with throttling.attempt("ada", "10.0.0.1"):
            raise asyncio.CancelledError
    assert not await succeeds(throttling, "ada", "10.0.0.1")


async def test_attempts_at_the_same_time_do_not_pass_together(clock: Clock) -> None:
    throttling = throttling_of()

    async def fail() -> bool:
        try:
            async with throttling.attempt("ada", "10.0.0.1"):
                await asyncio.sleep(0)
                raise BadCredentials
        except BadCredentials:
            return True
        except TooManyRequestsException:
            return False

    counted = await asyncio.gather(*(fail() for _ in range(50)))

    assert 3 <= sum(counted) <= 4  # two run at a time


async def test_right_passwords_at_the_same_time_all_pass(clock: Clock) -> None:
    """With HTTP Basic, a page that loads many parts sends the password many times at once."""
    throttling = throttling_of(attempts=1, address_attempts=1, account_attempts=1)

    async def succeed() -> None:
        async with throttling.attempt("ada", "10.0.0.1"):
            await asyncio.sleep(0)

    await asyncio.gather(*(succeed() for _ in range(50)))


async def test_throttled_client_does_not_wait_for_a_turn(clock: Clock) -> None:
    throttling = throttling_of(attempts=1)
    assert await fails(throttling, "ada", "10.0.0.1")
    async with throttling.attempt("eve", "10.0.0.2"), throttling.attempt("eve", "10.0.0.2"):
        async with asyncio.timeout(5):
            assert not await fails(throttling, "ada", "10.0.0.1")


async def test_logins_above_max_waiting_are_503_with_retry_after(client_of: ClientOf) -> None:
    """The provider does not respond. One login has the only turn, and two wait. The others are
    refused, since half of the places are for other networks."""
    responds = asyncio.Event()

    class Slow(Accounts):
        async def load(self, identifier: str) -> Account | None:
            await responds.wait()
            return await super().load(identifier)

    passwords = attrs.evolve(CHEAP, threads=1, max_waiting=4)
    client = client_of(logins(Slow(), passwords=passwords))
    calls = [asyncio.ensure_future(login(client)) for _ in range(9)]
    rejected = [(await call) for call in asyncio.as_completed(calls[3:])]
    responds.set()
    served = [await call for call in calls[:3]]

    assert [response.status_code for response in served] == [200] * 3
    assert {response.status_code for response in rejected} == {503}
    assert {response.content["code"] for response in rejected} == {"passwords_busy"}
    assert {response.headers["Retry-After"] for response in rejected} == {"5"}


async def test_networks_get_turns_one_after_the_other(clock: Clock) -> None:
    """One client with a valid account sends many logins; others do not wait."""
    passwords = attrs.evolve(CHEAP, threads=1, max_waiting=20)
    throttling = Throttling(SecuritySettings(passwords=passwords))
    order: list[str] = []

    async def log_in(name: str, address: str) -> None:
        async with throttling.attempt(name, address):
            order.append(name)
            await asyncio.sleep(0)

    async with throttling.attempt("bob", "10.0.1.1"):
        flood = [asyncio.ensure_future(log_in("eve", f"2001:db8::{n}")) for n in range(30)]
        await asyncio.sleep(0)
        others = [asyncio.ensure_future(log_in(f"ada{n}", f"10.0.0.{n}")) for n in range(5)]
        await asyncio.sleep(0)
    results = await asyncio.gather(*flood, *others, return_exceptions=True)

    assert order == ["eve", "ada0", "ada1", "ada2", "ada3", "ada4"] + ["eve"] * 9
    assert [type(error) for error in results[10:30]] == [ServiceUnavailableException] * 20


async def test_login_that_hangs_is_503_and_others_log_in(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    class Hangs(Accounts):
        async def load(self, identifier: str) -> Account | None:
            if identifier == "eve":
                await asyncio.Event().wait()
            return await super().load(identifier)

    client = client_of(logins(Hangs(), passwords=attrs.evolve(CHEAP, timeout=1)))

    *hung, ada = await asyncio.gather(*(login(client, name) for name in ("eve", "eve", "ada")))

    assert ada.status_code == 200
    assert [response.status_code for response in hung] == [503, 503]
    assert {response.content["code"] for response in hung} == {"login_timeout"}
    assert {response.headers["Retry-After"] for response in hung} == {"5"}
    found = [r for r in caplog.records if r.name == "bundles.security.logins.throttling"]
    assert [r.levelname for r in found] == ["ERROR", "ERROR"]
    assert "security.passwords.timeout, 1 s" in found[0].getMessage()
    assert password_of("eve") not in caplog.text


async def test_timeout_of_login_is_not_counted_and_timeout_of_provider_is_raised() -> None:
    passwords = attrs.evolve(CHEAP, timeout=0.05)
    limits = ThrottlingSettings(attempts=1)
    throttling = Throttling(SecuritySettings(passwords=passwords, throttling=limits))
    for _ in range(2):
        with pytest.raises(ServiceUnavailableException):
            async with throttling.attempt("ada", None):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            async with throttling.attempt("ada", None):
                raise TimeoutError
    assert await succeeds(throttling, "ada", None)


def test_logins_work_in_one_event_loop_after_another() -> None:
    client = KernelClient(logins())

    async def log_in() -> list[int]:
        calls = (login(client) for _ in range(6))
        return [response.status_code for response in await asyncio.gather(*calls)]

    with asyncio.Runner() as first:
        assert first.run(log_in()) == [200] * 6
    with asyncio.Runner() as second:
        assert second.run(log_in()) == [200] * 6
        second.run(client.close())


async def test_login_that_is_cancelled_while_it_waits_makes_room(clock: Clock) -> None:
    passwords = attrs.evolve(CHEAP, threads=1, max_waiting=2)
    throttling = Throttling(SecuritySettings(passwords=passwords))
    for _ in range(3):
        async with throttling.attempt("eve", None):
            waiting = asyncio.ensure_future(succeeds(throttling, "ada", None))
            await asyncio.sleep(0)
            with pytest.raises(ServiceUnavailableException):
                await succeeds(throttling, "ada", None)
            waiting.cancel()
            await asyncio.wait([waiting])
    assert await succeeds(throttling, "ada", None)


def test_limits_are_bounded_and_drop_the_least_recent() -> None:
    limit = RateLimit(1, 100, 3)
    for now, key in enumerate("abcad"):
        limit.add(key, now)

    assert len(limit) == 3
    assert limit.wait("a", 4) > 0
    assert limit.wait("b", 4) == 0


def test_address_limit_counts_each_network_and_becomes_free_again(clock: Clock) -> None:
    limit = AddressLimit(2, window=100.0, code="too_many")
    codes: set[object] = set()

    def use(host: str) -> int:
        request = Request(Transport.HTTP)
        request.client = ClientAddress(host, 1)
        try:
            limit.use(request)
        except TooManyRequestsException as exc:
            codes.add(exc.code)
            return int(exc.headers["Retry-After"])
        return 0

    assert [use("10.0.0.1") for _ in range(3)] == [0, 0, 50]
    assert [use("2001:db8::1"), use("2001:db8::2"), use("2001:db8::3")] == [0, 0, 50]
    clock.now += 51
    assert [use("10.0.0.1") for _ in range(2)] == [0, 49]
    assert codes == {"too_many"}


@pytest.mark.parametrize(("limit", "window"), [(0, 1.0), (1, 0.0)])
def test_address_limit_without_uses_is_value_error(limit: int, window: float) -> None:
    with pytest.raises(ValueError, match="both must be greater than 0"):
        AddressLimit(limit, window, "x")
