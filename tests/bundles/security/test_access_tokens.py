"""Access tokens: claims, events, verified tokens, and the attacks E1 to E5."""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from bundles.security.credentials.credentials import MAX_CREDENTIAL
from bundles.security.events import (
    SecurityEvents,
    TokenCreatedEvent,
    TokenDecodedEvent,
    TokenEncodedEvent,
)
from bundles.security.exceptions import BadCredentials
from bundles.security.settings import SecuritySettings
from bundles.security.token_settings import RouteSettings, TokenSettings
from bundles.security.tokens.access_tokens import AccessTokens
from bundles.security.tokens.key_files import add_key
from bundles.security.tokens.keys import ALGORITHMS
from bundles.security.tokens.memory_store import MemoryTokenStore
from rxkernel import AsyncEventDispatcher, ConfigurationError, PeerBackend, Peers

SECRET = "s3cret-of-the-tests-with-32-bytes!"
RSA = RSAKey.generate_key(2048)


class Bus(PeerBackend):
    are_heard = True

    def send(self, topic: str, data: Any) -> bool:
        return self.are_heard


def tokens_of(peers: Peers | None = None, **settings: Any) -> AccessTokens:
    settings = {"secret": SECRET, **settings}
    return AccessTokens(
        SecuritySettings(tokens=TokenSettings(**settings)),
        MemoryTokenStore(SecuritySettings()),
        AsyncEventDispatcher(),
        peers or Peers(),
    )


@pytest_asyncio.fixture
async def tokens() -> AsyncIterator[AccessTokens]:
    yield tokens_of()


def encode(part: object) -> str:
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def claims(**changes: Any) -> dict[str, Any]:
    payload = {"sub": "ada", "jti": "1", "exp": time.time() + 100, **changes}
    return {name: value for name, value in payload.items() if value is not None}


def signed(payload: object, secret: str | bytes = SECRET, **header: Any) -> str:
    """A token with any header, signed without the bundle."""
    head = {"alg": "HS256", **header}
    signing = f"{encode(head)}.{encode(payload)}"
    raw = secret if isinstance(secret, bytes) else secret.encode()
    return f"{signing}.{encode(hmac.digest(raw, signing.encode(), 'sha256'))}"


async def refused(tokens: AccessTokens, text: str) -> BadCredentials:
    with pytest.raises(BadCredentials) as caught:
        await tokens.verify(text)
    return caught.value


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_created_token_is_verified_with_every_algorithm(
    tmp_path: Path, algorithm: str
) -> None:
    add_key(tmp_path / "keys.json", algorithm)
    tokens = tokens_of(secret=None, keys=(tmp_path / "keys.json",), issuer="i", audience="a")

    text, made = await tokens.create("ada", {"editor", "admin"}, refreshed=True)
    found = await tokens.verify(text)

    assert found == made
    assert (found.identifier, sorted(found.roles)) == ("ada", ["admin", "editor"])
    assert found.refreshed
    assert abs(found.expires - found.issued - 300) <= 1
    assert (found.payload["iss"], found.payload["aud"]) == ("i", "a")


async def test_tokens_of_one_user_have_different_ids(tokens: AccessTokens) -> None:
    assert (await tokens.create("ada"))[1].id != (await tokens.create("ada"))[1].id


# row 60
async def test_token_events_change_the_payload_and_refuse_tokens() -> None:
    tokens = tokens_of()
    dispatcher = tokens._dispatcher
    seen: list[str] = []

    async def created(event: TokenCreatedEvent) -> None:
        seen.append("created")
        event.payload["username"] = "ada"

    async def encoded(event: TokenEncodedEvent) -> None:
        seen.append("encoded")
        assert event.payload["username"] == "ada"

    async def decoded(event: TokenDecodedEvent) -> None:
        seen.append("decoded")
        if event.payload["sub"] == "eve":
            event.mark_as_invalid()

    dispatcher.add_listener(SecurityEvents.TOKEN_CREATED, created)
    dispatcher.add_listener(SecurityEvents.TOKEN_ENCODED, encoded)
    dispatcher.add_listener(SecurityEvents.TOKEN_DECODED, decoded)

    text, _ = await tokens.create("ada")
    assert (await tokens.verify(text)).payload["username"] == "ada"
    await tokens.verify(text)
    assert seen == ["created", "encoded", "decoded"]
    await refused(tokens, (await tokens.create("eve"))[0])


async def test_refused_tokens_of_any_kind_have_the_same_response(tokens: AccessTokens) -> None:
    texts = ["", "x", signed(claims(exp=1)), signed(claims(), secret="x" * 32)]
    errors = [await refused(tokens, text) for text in texts]

    assert {(error.message, error.status_code, str(error.headers)) for error in errors} == {
        ("Invalid credentials", 401, str(errors[0].headers))
    }


# E1
@pytest.mark.parametrize(
    "algorithm", ["none", "None", "nOnE", "", None, "HS512", "RS256", ["HS256"]]
)
async def test_token_with_another_algorithm_is_refused(
    tokens: AccessTokens, algorithm: object
) -> None:
    header = encode({"alg": algorithm})
    for signature in ("", encode(b"x"), signed(claims()).split(".")[2]):
        await refused(tokens, f"{header}.{encode(claims())}.{signature}")
    await refused(tokens, signed(claims(), alg=algorithm))


# E1
async def test_token_signed_with_the_public_key_is_refused(tmp_path: Path) -> None:
    """A token signed with HS256, with the public key of RS256 as the secret."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(RSA.as_dict(private=True)))
    tokens = tokens_of(secret=None, keys=(path,))
    native = RSA.public_key
    spki = PublicFormat.SubjectPublicKeyInfo
    pem = native.public_bytes(Encoding.PEM, spki)
    secrets = [
        *(pem, b"\n" + pem, pem.strip(), native.public_bytes(Encoding.DER, spki)),
        *(json.dumps(RSA.as_dict()).encode(), b""),
    ]
    for secret in secrets:
        await refused(tokens, signed(claims(), secret))
        await refused(tokens, signed(claims(), secret, kid=tokens.keys.keys[0].id))
        await refused(tokens, signed(claims(), secret, alg="RS256"))


# E2
@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["x"], "x": 1},
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"jwk": OctKey.import_key(SECRET).as_dict()},
        {"jku": "https://127.0.0.1/keys"},
        {"x5u": "https://127.0.0.1/keys"},
        {"x5c": ["MII="]},
        {"kid": "../../etc/passwd"},
        {"kid": "' OR 1=1 --"},
        {"kid": 7},
        {"kid": {"a": 1}},
        {"kid": "k" * 4000},
        {"typ": "JWE"},
        {"typ": 7},
        {"zip": "DEF"},
    ],
    ids=str,
)
async def test_token_with_an_unsupported_header_is_refused(
    tokens: AccessTokens, header: dict[str, Any]
) -> None:
    await refused(tokens, signed(claims(), **header))


# E3
async def test_token_in_another_serialization_is_refused(tokens: AccessTokens) -> None:
    valid = signed(claims())
    head, payload, signature = valid.split(".")
    general = {"payload": payload, "signatures": [{"protected": head, "signature": signature}]}
    texts = [
        *(json.dumps(general), json.dumps({**general, "signatures": []})),
        json.dumps({"payload": payload, "protected": head, "signature": signature}),
        *(f"{head}..{payload}.{signature}.x", f"{head}.x.x.x.{signature}", "....", ".."),
        *(f"{valid}=", f"{head}=.{payload}.{signature}", f"{valid}\n", f" {valid}", f"{valid}\0"),
        *(f"{head}.{payload}.", f"{head}.{payload}", f"{head}..{signature}", f"{valid}ä"),
        *(valid.replace(".", "。"), f"Bearer {valid}", valid[:-1], valid[:-1] + "\u0661"),
        *(f"{encode([1])}.{payload}.{signature}", f"{encode(b'{')}.{payload}.{signature}"),
        f"{encode(b'[' * 4000)}.{payload}.{signature}",
        *(signed([1]), signed("ada"), signed(7), signed(b"{"), signed(b"[" * 5000)),
    ]
    await tokens.verify(valid)
    for text in texts:
        await refused(tokens, text)


# E3
async def test_long_token_is_refused_before_cryptography(
    tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = signed(claims(padding="p" * 100_000))
    assert len(long) > MAX_CREDENTIAL
    monkeypatch.setattr(jwt, "decode", lambda *_, **__: pytest.fail("decoded"))
    await refused(tokens, long)


# E4
@pytest.mark.parametrize(
    "change",
    [
        *({"exp": value} for value in (None, "1", "4000000000", True, 1e30, float("nan"))),
        *({"exp": value} for value in (float("inf"), -1, [4e9], {"a": 1}, 10**400)),
        *({name: 4e9} for name in ("nbf", "iat")),
        *({name: "1"} for name in ("nbf", "iat")),
        *({"iss": value} for value in (None, "other", ["issuer"], 7)),
        *({"aud": value} for value in (None, "other", ["other"], [], 7, {"audience": 1})),
        *({"sub": value} for value in (None, "", 7, ["ada"])),
        *({"jti": value} for value in (None, "", 7)),
        *({"roles": value} for value in ("admin", [7], {"admin": 1})),
    ],
    ids=lambda change: str(change)[:40].split(".")[0],
)
async def test_token_with_an_invalid_claim_is_refused(change: dict[str, Any]) -> None:
    tokens = tokens_of(issuer="issuer", audience="audience")
    right = {"iss": "issuer", "aud": "audience"}

    await tokens.verify(signed(claims(**right)))
    await refused(tokens, signed(claims(**{**right, **change})))


# E4
async def test_token_with_audience_in_a_list_and_dates_within_the_leeway_is_accepted() -> None:
    tokens = tokens_of(audience="audience", leeway=10)
    now = time.time()
    audience = ["other", "audience"]

    await tokens.verify(signed(claims(aud=audience, exp=now - 5, nbf=now + 5, iat=now + 5)))
    await refused(tokens, signed(claims(aud=audience, exp=now - 15)))


# E4
def test_leeway_over_a_minute_is_an_error() -> None:
    with pytest.raises(ValueError, match="leeway"):
        TokenSettings(leeway=61)


async def test_verified_token_is_refused_when_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = tokens_of(leeway=0)
    now = time.time()
    text, _ = await tokens.create("ada")
    await tokens.verify(text)

    monkeypatch.setattr(time, "time", lambda: now + 299)
    await tokens.verify(text)
    monkeypatch.setattr(time, "time", lambda: now + 302)
    assert (await refused(tokens, text)).reason == "the token has expired"
    assert not tokens._verified


# E5
async def test_revoked_token_is_refused_though_it_was_verified(tokens: AccessTokens) -> None:
    text, made = await tokens.create("ada")
    other, _ = await tokens.create("ada")
    await tokens.verify(text)
    await tokens.verify(other)

    await tokens._store.revoke(made.id, made.expires, time.time())
    tokens.forget(lambda claims: claims.id == made.id)

    assert (await refused(tokens, text)).reason == "the token was revoked"
    await tokens.verify(other)


# E5
async def test_verified_token_is_looked_up_while_other_processes_are_not_heard() -> None:
    peers, bus = Peers(), Bus()
    peers.attach(bus)
    tokens = tokens_of(peers)
    text, made = await tokens.create("ada")
    await tokens.verify(text)
    await tokens._store.revoke(made.id, made.expires, time.time())
    await tokens.verify(text)  # another process would have sent a message

    bus.are_heard = False
    assert (await refused(tokens, text)).reason == "the token was revoked"


# E5
async def test_keys_that_another_process_reloads_are_reloaded(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    add_key(path, "ES256")
    peers = Peers()
    tokens = tokens_of(peers, secret=None, keys=(path,))
    old, _ = await tokens.create("ada")
    await tokens.verify(old)
    path.unlink()
    add_key(path, "ES256")

    await peers.deliver("security.keys", None)

    await refused(tokens, old)


# E5
async def test_token_revoked_while_it_is_verified_is_not_kept(tokens: AccessTokens) -> None:
    text, made = await tokens.create("ada")

    async def revoke(event: TokenDecodedEvent) -> None:
        tokens.forget(lambda claims: claims.id == made.id)

    tokens._dispatcher.add_listener(SecurityEvents.TOKEN_DECODED, revoke)
    await tokens.verify(text)
    assert not tokens._verified


# E5
async def test_tokens_of_rotated_key_are_valid_until_the_key_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    add_key(path, "ES256")
    tokens = tokens_of(secret=None, keys=(path,))
    old, _ = await tokens.create("ada")
    await tokens.verify(old)

    add_key(path, "EdDSA")
    tokens.reload_keys()
    new, _ = await tokens.create("ada")
    await tokens.verify(old)
    await tokens.verify(new)

    keys = json.loads(path.read_text())["keys"]
    path.write_text(json.dumps({"keys": keys[:1]}))
    tokens.reload_keys()
    await tokens.verify(new)
    await refused(tokens, old)


async def test_public_keys_verify_and_cannot_serve_logins(tmp_path: Path) -> None:
    """A service with public keys only accepts the tokens of another service."""
    private, public = tmp_path / "private.json", tmp_path / "public.json"
    key = add_key(private, "ES256")
    public.write_text(json.dumps(key.as_dict(private=False)))
    text, made = await tokens_of(secret=None, keys=(private,)).create("ada")
    with pytest.raises(ConfigurationError, match="has only public keys, which cannot sign"):
        tokens_of(secret=None, keys=(public,))

    settings = SecuritySettings(
        tokens=TokenSettings(keys=(public,)),
        routes=RouteSettings(login=False, refresh_token=False),
    )
    tokens = AccessTokens(settings, MemoryTokenStore(settings), AsyncEventDispatcher(), Peers())

    assert await tokens.verify(text) == made
    with pytest.raises(RuntimeError, match="has only public keys, which cannot sign"):
        await tokens.create("ada")


async def test_token_without_kid_is_verified_by_any_key_of_its_algorithm(tmp_path: Path) -> None:
    """Other issuers may omit ``kid``."""
    for _ in range(2):
        add_key(tmp_path / "keys.json", "HS256")
    tokens = tokens_of(keys=(tmp_path / "keys.json",))
    for key in tokens.keys.keys:
        await tokens.verify(signed(claims(), bytes(key.key.raw_value)))  # type: ignore[arg-type]


async def test_cache_of_verified_tokens_is_bounded() -> None:
    tokens = tokens_of(max_cached=2)
    texts = [(await tokens.create("ada"))[0] for _ in range(5)]
    for text in texts:
        await tokens.verify(text)
    assert list(tokens._verified) == texts[3:]

    tokens = tokens_of(max_cached=0)
    await tokens.verify((await tokens.create("ada"))[0])
    assert not tokens._verified


async def test_token_with_too_many_roles_is_an_error(tokens: AccessTokens) -> None:
    with pytest.raises(ValueError, match="fewer claims"):
        await tokens.create("ada", {f"role-{index}" for index in range(1000)})


async def test_repr_of_claims_and_keys_contains_no_secret(tokens: AccessTokens) -> None:
    text, made = await tokens.create("ada")
    shown = repr((made, tokens.keys.keys))
    assert SECRET not in shown
    assert text not in shown
    assert made.id not in shown
