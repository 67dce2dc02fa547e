"""Attacks on identities over both transports: E1 to E12 of the list of attacks.

`test_access_tokens` tests every variant of E1 to E4. Here a token of each kind is sent in every
place that a token may have. E6 is in `test_access_matrix`, E9 also in the tests of sessions.
"""

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from argon2 import PasswordHasher
from joserfc.jwk import OctKey

from bundles.security import (
    AccessTokens,
    SecuritySettings,
    ThrottlingSettings,
    TokenSettings,
    access,
    user_room,
)
from bundles.security.tokens.key_files import add_key
from rxkernel import (
    ConnectionRefusedException,
    HttpSettings,
    KernelClient,
    LoggingSettings,
    Request,
    both,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.logins import logins
from tests.bundles.security.shop import (
    PASSWORD,
    ROLES,
    SECRET,
    Accounts,
    application_of,
    bearer,
    token_of,
)
from tests.bundles.security.test_access_tokens import claims, encode, signed
from tests.waiting import until


async def verdicts(client: KernelClient, text: str) -> list[tuple[int, Any]]:
    """The errors for the token *text*: over HTTP, in a handshake, in its header, in an event."""
    headers = {"Authorization": f"Bearer {text}"}
    over_http = await client.http("article_list", headers=headers)
    found = [(over_http.status_code, over_http.content)]
    for handshake in ({"auth": {"token": text}}, {"headers": headers}):
        try:
            async with client.connection(**handshake):  # type: ignore[arg-type]
                found.append((0, "connected"))
        except ConnectionRefusedException as exc:
            found.append((exc.response.status_code, exc.response.content))
    async with client.connection() as socket:
        response = await client.websocket(
            "security_authenticate", params={"bearer": text}, connection=socket
        )
        assert not socket.token.is_authenticated
    return [*found, (response.status_code, response.content)]


_HEAD, _PAYLOAD, _SIGNATURE = signed(claims()).split(".")
HOSTILE = {
    "E1-none": f"{encode({'alg': 'none'})}.{_PAYLOAD}.",
    "E1-nOnE": signed(claims(), alg="nOnE"),
    "E1-other-algorithm": signed(claims(), alg="HS512"),
    "E2-crit": signed(claims(), crit=["x"], x=1),
    "E2-b64": signed(claims(), crit=["b64"], b64=False),
    "E2-jwk": signed(claims(), "x" * 32, jwk=OctKey.import_key("x" * 32).as_dict()),
    "E2-kid-sql": signed(claims(), kid="' OR 1=1 --"),
    "E2-kid-long": signed(claims(), kid="k" * 1_000_000),
    "E3-jwe": f"{_HEAD}.x.x.x.{_SIGNATURE}",
    "E3-json": json.dumps({"payload": _PAYLOAD, "signatures": []}),
    "E3-padding": f"{_HEAD}.{_PAYLOAD}.{_SIGNATURE}=",
    "E3-long": signed(claims(padding="p" * 100_000)),
    "E4-exp-missing": signed(claims(exp=None)),
    "E4-exp-text": signed(claims(exp="4000000000")),
    "E4-exp-1e30": signed(claims(exp=1e30)),
    "E4-exp-nan": signed(claims(exp=float("nan"))),
    "E4-nbf": signed(claims(nbf=time.time() + 3600)),
    "unknown-user": signed(claims(sub="nobody")),
    "another-secret": signed(claims(), "x" * 32),
}


# E1, E2, E3, E4
@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_token_has_the_response_of_an_invalid_one(
    client_of: ClientOf, name: str
) -> None:
    client = client_of(application_of())
    bad = {"statusCode": 401, "message": "Invalid credentials"}
    assert await verdicts(client, HOSTILE[name]) == [(401, bad)] * 4
    assert (await client.http("article_list", headers=bearer("ada"))).content == "ada"


# E2
async def test_keys_that_a_token_names_are_not_fetched_or_read(
    client_of: ClientOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token is signed with the key that its header offers."""
    client = client_of(application_of())
    key = OctKey.import_key("k" * 32)
    (tmp_path / "key.json").write_text(json.dumps(key.as_dict()))
    monkeypatch.chdir(tmp_path)
    fetched: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fetched.append(await reader.readline())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
        for header in ({"jku": url}, {"x5u": url}, {"kid": "key.json"}, {"kid": "../key.json"}):
            text = signed(claims(), "k" * 32, **header)
            assert {status for status, _ in await verdicts(client, text)} == {401}
    assert fetched == []


# E4
async def test_issuer_and_audience_are_checked_over_both_transports(client_of: ClientOf) -> None:
    tokens = TokenSettings(secret=SECRET, issuer="shop", audience="customers", leeway=0)
    client = client_of(application_of(settings=SecuritySettings(roles=ROLES, tokens=tokens)))
    for changes in ({"iss": "other"}, {"aud": "other"}, {"aud": ["other"]}, {"iss": None}):
        text = signed(claims(**{"iss": "shop", "aud": "customers", **changes}))
        assert {status for status, _ in await verdicts(client, text)} == {401}
    text = signed(claims(iss="shop", aud=["customers", "staff"]))
    headers = {"Authorization": f"Bearer {text}"}
    assert (await client.http("article_list", headers=headers)).status_code == 200
    async with client.connection(auth={"token": text}) as ada:
        assert (await client.websocket("article_list", connection=ada)).status_code == 200


# E5
async def test_removed_key_ends_the_socket_at_its_next_event(
    client_of: ClientOf, tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    add_key(path, "ES256")
    client = client_of(application := logins(tokens=TokenSettings(keys=(path,))))
    await application.boot()
    tokens = application.injector.get(AccessTokens)
    text, _ = await tokens.create("ada")
    headers = {"Authorization": f"Bearer {text}"}
    async with client.connection(auth={"token": text}) as ada:
        for status in (200, 401):
            add_key(path, "EdDSA")
            if status == 401:
                keys = json.loads(path.read_text())["keys"]
                path.write_text(json.dumps({"keys": keys[:1]}))
            tokens.reload_keys()
            assert (await client.http("note_mine", headers=headers)).status_code == status
            sent = await client.websocket("note_mine", connection=ada)
            assert sent.status_code == status
        await until(lambda: not ada.is_connected)


# E5
async def test_disabled_user_is_401_over_both_transports(client_of: ClientOf) -> None:
    client = client_of(application_of())
    async with client.connection(auth={"token": token_of("ada")}) as ada:
        del client.application.injector.get(Accounts).by_name["ada"]
        assert (await client.http("article_list", headers=bearer("ada"))).status_code == 401
        assert (await client.websocket("article_list", connection=ada)).status_code == 401
        await until(lambda: not ada.is_connected)


# E7
@pytest.mark.parametrize("is_fast", [True, False])
async def test_token_in_the_query_is_in_no_log(
    is_fast: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where the setting allows it. By default such a token is refused: see
    `test_credentials`."""
    caplog.set_level("DEBUG")
    application = application_of(
        settings=SecuritySettings(roles=ROLES, query_parameter="bearer"),
        http=HttpSettings(port=0, fast_path=is_fast),
        logging=LoggingSettings(access=True),
    )
    statuses = []
    await application.start()
    try:
        url = str(application.servers["http"].url)
        async with aiohttp.ClientSession(url) as session:
            for text in (token_of("ada"), token_of("ada", -3600), "s3cret-token"):
                query = {"bearer": text}
                async with session.get("/articles", params=query) as response:
                    statuses.append(response.status)
                query |= {"EIO": "4", "transport": "polling"}
                async with session.get("/socket.io/", params=query) as response:
                    assert response.status == 200
                assert text not in caplog.text
    finally:
        await application.stop()
    assert statuses == [200, 401, 401]
    assert "/articles" in caplog.text
    assert "s3cret-token" not in caplog.text


def basic(name: str, password: str) -> dict[str, str]:
    text = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


async def refusal(client: KernelClient, headers: dict[str, str]) -> tuple[int, Any]:
    with pytest.raises(ConnectionRefusedException) as refused:
        await client.connection(headers=headers).connect()
    response = refused.value.response
    return response.status_code, response.content


# E10
async def test_basic_does_not_show_users_and_is_throttled_over_both_transports(
    client_of: ClientOf,
) -> None:
    """Failures over both transports are counted together."""
    limits = ThrottlingSettings(attempts=4)
    settings = SecuritySettings(roles=ROLES, basic=True, throttling=limits)
    client = client_of(application_of(settings=settings))
    for name in ("ada", "nobody"):
        for password in ("wrong", "p" * 1025):
            headers = basic(name, password)
            over_http = await client.http("article_list", headers=headers)
            found = (over_http.status_code, over_http.content)
            assert found == await refusal(client, headers)
            assert found == (401, {"statusCode": 401, "message": "Invalid credentials"})
    headers = basic("ada", PASSWORD)
    assert (await client.http("article_list", headers=headers)).status_code == 429
    assert (await refusal(client, headers))[0] == 429


# E10
async def test_password_of_a_megabyte_is_refused_before_it_is_hashed(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(application_of(settings=SecuritySettings(roles=ROLES, basic=True)))
    monkeypatch.setattr(PasswordHasher, "verify", lambda *_: pytest.fail("hashed"))
    body = {"username": "ada", "password": "p" * 1_000_000}
    assert (await client.http("security_login", body=body)).status_code == 422
    for size in (1025, 1_000_000):
        headers = basic("ada", "p" * size)
        assert (await client.http("article_list", headers=headers)).status_code == 401
        assert (await refusal(client, headers))[0] == 401


# E12
@pytest.mark.parametrize("room", ["user-42", "user-", "user-eve ", "USER-EVE", "*", "", "/"])
async def test_guessed_room_is_403_in_the_shape_of_any_error(
    client_of: ClientOf, room: str
) -> None:
    """Over HTTP the same rule protects the data of the room."""

    class Rooms:
        @access(lambda token, request: request.param("room") == f"user-{token.identifier}")
        @both("GET", "/room", "room")
        async def enter(self, room: str, request: Request) -> None:
            if request.connection is not None:
                await request.connection.join(room)

    client = client_of(application_of(Rooms))
    refused = {"statusCode": 403, "message": "Forbidden"}
    async with client.connection(auth={"token": token_of("eve")}) as eve:
        over_socket = await client.websocket("room", params={"room": room}, connection=eve)
        over_http = await client.http("room", params={"room": room}, headers=bearer("eve"))
        for response in (over_socket, over_http):
            assert (response.status_code, response.content) == (403, refused)
        assert eve.rooms == {user_room("eve")}


# E11
@pytest.mark.parametrize("is_fast", [True, False])
async def test_socket_io_echoes_listed_origins_only(is_fast: bool) -> None:
    """For HTTP see `test_wire`."""
    origin = "https://partner.example"
    application = application_of(
        http=HttpSettings(port=0, fast_path=is_fast, origins=(origin,), allow_credentials=True)
    )
    await application.start()
    try:
        url = str(application.servers["http"].url)
        query = {"EIO": "4", "transport": "polling"}
        async with aiohttp.ClientSession(url) as session:
            for sent in (origin, "null", "https://evil.example", f"{origin}.evil.example"):
                is_listed = sent == origin
                headers = {
                    "Origin": sent,
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "authorization, x-wild, <script>",
                }
                for method in ("OPTIONS", "GET"):
                    async with session.request(
                        method, "/socket.io/", params=query, headers=headers
                    ) as response:
                        found = response.headers
                        assert (response.status < 300) is is_listed
                        assert found.get("Access-Control-Allow-Origin") == (
                            origin if is_listed else None
                        )
                        assert ("Access-Control-Allow-Credentials" in found) is is_listed
                        assert "<" not in found.get("Access-Control-Allow-Headers", "")
                        assert "Origin" in found["Vary"]
    finally:
        await application.stop()
