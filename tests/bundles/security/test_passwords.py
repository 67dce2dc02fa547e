"""Password hashes: formats, limits, the same work for unknown users."""

import asyncio
import base64
import hashlib
import logging
from collections.abc import AsyncIterator

import bcrypt
import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from bundles.security.logins.passwords import MAX_PASSWORD, Passwords, Verified
from bundles.security.settings import SecuritySettings
from bundles.security.token_settings import PasswordSettings
from rxkernel import ServiceUnavailableException, UnprocessableEntityException

CHEAP = SecuritySettings(passwords=PasswordSettings(memory=8, iterations=1))


@pytest_asyncio.fixture
async def passwords() -> AsyncIterator[Passwords]:
    async with Passwords(CHEAP) as made:
        yield made


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


async def test_hash_is_argon2id_and_verifies_its_password_only(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")

    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert stored != await passwords.hash("correct horse")
    assert await passwords.verify("correct horse", stored) == Verified(True)
    assert await passwords.verify("Correct horse", stored) == Verified(False)


@pytest.mark.parametrize("password", ["", "p" * (MAX_PASSWORD + 1), "ä" * MAX_PASSWORD, "\ud800"])
async def test_password_of_a_length_that_is_not_allowed_is_refused(
    passwords: Passwords, password: str
) -> None:
    with pytest.raises(UnprocessableEntityException):
        await passwords.hash(password)
    stored = await passwords.hash("p" * MAX_PASSWORD)
    assert await passwords.verify(password, stored) == Verified(False)


@pytest.mark.parametrize("stored", [None, "", "!", "plain", "$argon2id$v=19$m=8", "$2b$04$x", "ü"])
async def test_verify_without_a_usable_hash_matches_nothing(
    passwords: Passwords, stored: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """In RxStack, a user without a password could log in without one."""
    for password in ("", "!", "plain", "None"):
        assert await passwords.verify(password, stored) == Verified(False)
    assert "plain" not in caplog.text
    assert bool(caplog.records) is bool(stored)
    assert {record.levelno for record in caplog.records} <= {logging.ERROR}


async def test_hash_of_another_cost_matches_and_is_outdated(passwords: Passwords) -> None:
    older = PasswordHasher(time_cost=2, memory_cost=16, parallelism=2).hash("secret")

    assert await passwords.verify("secret", older) == Verified(True, is_outdated=True)
    assert await passwords.verify("Secret", older) == Verified(False)


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
async def test_bcrypt_hash_matches_and_is_outdated(passwords: Passwords, prefix: bytes) -> None:
    stored = bcrypt.hashpw(b"secret", bcrypt.gensalt(4, prefix)).decode()

    assert await passwords.verify("secret", stored) == Verified(True, is_outdated=True)
    assert await passwords.verify("secret", stored.replace("$2a$", "$2y$")) == Verified(True, True)
    assert await passwords.verify("Secret", stored) == Verified(False)


async def test_bcrypt_hash_of_a_long_password_matches_its_first_72_bytes(
    passwords: Passwords,
) -> None:
    """Systems that stored the hash have cut the password; the library refuses a long one."""
    stored = bcrypt.hashpw(b"p" * 72, bcrypt.gensalt(4)).decode()

    assert (await passwords.verify("p" * 100, stored)).matches


@pytest.mark.parametrize("costs", ["N=1024,r=8,p=1,maxmem=67108864", "ln=10,r=8,p=1"])
async def test_scrypt_hash_matches_and_is_outdated(passwords: Passwords, costs: str) -> None:
    """The formats of Impress and of passlib."""
    salt = b"s" * 32
    content = hashlib.scrypt(b"secret", salt=salt, n=1024, r=8, p=1, dklen=64)
    stored = f"$scrypt${costs}${base64_of(salt)}${base64_of(content)}"

    assert await passwords.verify("secret", stored) == Verified(True, is_outdated=True)
    assert await passwords.verify("Secret", stored) == Verified(False)


@pytest.mark.parametrize("costs", ["N=1000,r=8,p=1", "ln=30,r=8,p=1", "ln=10,r=0,p=1"])
async def test_scrypt_hash_with_invalid_costs_matches_nothing(
    passwords: Passwords, costs: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert await passwords.verify("secret", f"$scrypt${costs}$c2FsdA$aGFzaA") == Verified(False)
    assert "cannot be read" in caplog.text


# E10
@pytest.mark.parametrize(
    "stored",
    [None, "", "plain", "$2b$04$x", f"$2b$99${'x' * 53}", "$scrypt$ln=30,r=8,p=1$c2FsdA$aGFzaA"],
)
async def test_user_without_a_usable_hash_costs_the_work_of_a_known_one(
    monkeypatch: pytest.MonkeyPatch, passwords: Passwords, stored: str | None
) -> None:
    """The same parameters are computed, so the time does not show which users exist. Not for
    a usable bcrypt or scrypt hash: its own work is done instead."""
    computed: list[str] = []
    verify = PasswordHasher.verify

    def record(self: PasswordHasher, stored: str | bytes, password: str | bytes) -> bool:
        try:
            return verify(self, stored, password)
        except VerifyMismatchError:
            computed.append(str(stored).rsplit("$", 2)[0])
            raise

    monkeypatch.setattr(PasswordHasher, "verify", record)
    await passwords.verify("wrong", await passwords.hash("secret"))
    await passwords.verify("wrong", stored)

    assert computed == ["$argon2id$v=19$m=8,t=1,p=1"] * 2


async def test_event_loop_runs_while_passwords_are_hashed() -> None:
    """The cost is the default. A loop that each hash blocks ticks four times."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    async with Passwords(SecuritySettings()) as passwords:
        ticking = asyncio.create_task(tick())
        await asyncio.gather(*(passwords.hash("secret") for _ in range(4)))
        ticking.cancel()

    assert ticks > 8


async def test_hash_above_max_waiting_is_503() -> None:
    """Half of the queue is reserved for other addresses."""
    costs = PasswordSettings(memory=8, iterations=1, threads=1, max_waiting=4)
    async with Passwords(SecuritySettings(passwords=costs)) as passwords:
        calls = (passwords.hash("secret") for _ in range(5))
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert [isinstance(one, ServiceUnavailableException) for one in done] == [
            *[False] * 3,
            *[True] * 2,
        ]
        assert (await passwords.verify("secret", await passwords.hash("secret"))).matches
