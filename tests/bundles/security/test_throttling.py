"""Limits of failed logins: per account, per address, and who is not locked out."""

import asyncio
import time

import pytest

from bundles.security import BadCredentials, SecuritySettings, ThrottlingSettings
from bundles.security.throttling import FailureLimit, Throttling
from rxkernel import TooManyRequestsException


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


def fails(throttling: Throttling, account: str, address: str | None) -> bool:
    """Whether a failed login was counted; False: it was refused."""
    try:
        with throttling.attempt(account, address):
            raise BadCredentials
    except BadCredentials:
        return True
    except TooManyRequestsException:
        return False


def succeeds(throttling: Throttling, account: str, address: str | None) -> bool:
    try:
        with throttling.attempt(account, address):
            return True
    except TooManyRequestsException:
        return False


def test_account_is_limited_at_one_address_only(clock: Clock) -> None:
    throttling = throttling_of()

    assert [fails(throttling, "ada", "10.0.0.1") for _ in range(4)] == [True] * 3 + [False]
    assert not succeeds(throttling, "ada", "10.0.0.1")
    assert succeeds(throttling, "ada", "10.0.0.2")
    assert succeeds(throttling, "eve", "10.0.0.1")


def test_attempts_become_free_one_by_one(clock: Clock) -> None:
    throttling = throttling_of()
    for _ in range(3):
        fails(throttling, "ada", "10.0.0.1")
    with pytest.raises(TooManyRequestsException) as caught, throttling.attempt("ada", "10.0.0.1"):
        pass
    assert caught.value.headers["Retry-After"] == "100"

    clock.now += 101
    assert [fails(throttling, "ada", "10.0.0.1") for _ in range(2)] == [True, False]
    clock.now += 400
    assert [fails(throttling, "ada", "10.0.0.1") for _ in range(4)] == [True] * 3 + [False]


def test_success_resets_the_failures_of_the_account_at_its_address(clock: Clock) -> None:
    throttling = throttling_of(address_attempts=100, account_attempts=100)
    for _ in range(5):
        assert fails(throttling, "ada", "10.0.0.1")
        assert fails(throttling, "ada", "10.0.0.1")
        assert succeeds(throttling, "ada", "10.0.0.1")
    assert all(succeeds(throttling, "ada", "10.0.0.1") for _ in range(100))


def test_address_is_limited_for_all_accounts(clock: Clock) -> None:
    throttling = throttling_of()

    assert [fails(throttling, f"a{n}", "10.0.0.1") for n in range(11)] == [True] * 10 + [False]
    assert fails(throttling, "a0", "10.0.0.2")


def test_owner_is_not_locked_out_by_failures_at_other_addresses(clock: Clock) -> None:
    throttling = throttling_of()
    assert succeeds(throttling, "ada", "10.0.0.1")

    counted = [fails(throttling, "ada", f"10.0.1.{n}") for n in range(7)]

    assert counted == [True] * 6 + [False]
    assert succeeds(throttling, "ada", "10.0.0.1")
    assert not succeeds(throttling, "ada", "10.0.0.9")


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
def test_network_of_64_bits_is_one_address(
    clock: Clock, one: str | None, other: str, are_same: bool
) -> None:
    throttling = throttling_of(attempts=1)
    assert fails(throttling, "ada", one)

    assert succeeds(throttling, "ada", other) is not are_same


def test_failure_of_the_application_is_not_counted(clock: Clock) -> None:
    throttling = throttling_of(attempts=1)
    for _ in range(5):
        with pytest.raises(RuntimeError), throttling.attempt("ada", "10.0.0.1"):
            raise RuntimeError
    assert succeeds(throttling, "ada", "10.0.0.1")


def test_cancelled_and_running_attempts_count(clock: Clock) -> None:
    """A client could leave before the response, or try many passwords at the same time."""
    throttling = throttling_of(attempts=2)
    with pytest.raises(asyncio.CancelledError), throttling.attempt("ada", "10.0.0.1"):
        raise asyncio.CancelledError
    with throttling.attempt("ada", "10.0.0.1"):
        assert not succeeds(throttling, "ada", "10.0.0.1")


def test_limits_are_bounded_and_drop_the_least_recent() -> None:
    limit = FailureLimit(2, 100, 3)
    for now, key in enumerate("abcad"):
        limit.add(key, now)

    assert len(limit) == 3
    assert limit.wait("a", 4) > 0
    assert limit.wait("b", 4) == 0
    for key in "acd":
        limit.add(key, 4, -2.0)
    assert len(limit) == 0
