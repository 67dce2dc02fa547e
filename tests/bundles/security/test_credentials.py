"""The places of credentials, and the texts that are accepted."""

import base64

import pytest
from argon2 import PasswordHasher
from multidict import CIMultiDict, MultiDict

from bundles.security import BadCredentials, Security, SecurityBundle, SecuritySettings, access
from bundles.security.credentials.credentials import (
    ApiKeyCredential,
    BasicCredential,
    BearerCredential,
    CredentialReader,
    SentCredential,
)
from rxkernel import both
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.shop import (
    PASSWORD,
    ROLES,
    Account,
    Accounts,
    application_of,
    bearer,
    token_of,
)
from tests.waiting import until


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


READER = CredentialReader(
    api_key_header="X-API-Key", query_parameter="bearer", basic=True, token_scheme="token"
)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, None),
        ({"Authorization": "Bearer abc"}, BearerCredential("abc")),
        ({"authorization": "bEARER   abc "}, BearerCredential("abc")),
        ({"Authorization": "Token abc"}, BearerCredential("abc")),
        ({"Authorization": "Digest abc"}, None),
        ({"Authorization": " abc"}, None),
        ({"Authorization": "Bearerabc"}, None),
        ({"Authorization": ""}, None),
        ({"Authorization": basic("ada:a:b")}, BasicCredential("ada", "a:b")),
        ({"Authorization": basic("ада:тайна")}, BasicCredential("ада", "тайна")),
        ({"x-api-key": "k"}, ApiKeyCredential("k")),
        ({"Authorization": "Bearer abc", "X-API-Key": "k"}, BearerCredential("abc")),
    ],
)
def test_reader_returns_the_credential_of_the_headers(
    headers: dict[str, str], found: SentCredential | None
) -> None:
    assert READER.in_headers(CIMultiDict(headers)) == found


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer a b")],
        [("Authorization", "Bearer tokén")],
        [("Authorization", "Bearer a\n")],
        [("Authorization", "bearer a\n")],
        [("Authorization", basic("a:b") + "\n")],
        [("X-API-Key", "a\n")],
        [("Authorization", "Bearer " + "x" * 8193)],
        [("Authorization", "Bearer a"), ("Authorization", "Bearer b")],
        [("Authorization", "Basic !")],
        [("Authorization", "Basic " + base64.b64encode(b"\xff:x").decode())],
        [("Authorization", basic("without colon"))],
        [("X-API-Key", "")],
        [("X-API-Key", "a"), ("X-API-Key", "b")],
    ],
)
def test_reader_refuses_malformed_credential(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(BadCredentials) as error:
        READER.in_headers(CIMultiDict(headers))
    assert error.value.message == "Invalid credentials"


def test_credential_repr_contains_no_secret() -> None:
    shown = repr(
        [BearerCredential("secret"), ApiKeyCredential("secret"), BasicCredential("a", "secret")]
    )
    assert "secret" not in shown


def test_reader_ignores_credentials_that_settings_do_not_allow() -> None:
    reader = CredentialReader()
    headers = CIMultiDict({"Authorization": basic("a:b"), "X-API-Key": "k"})
    assert reader.in_headers(headers) is None
    assert reader.in_query(MultiDict({"bearer": "abc"})) is None


async def test_api_key_is_found_by_its_digest(client_of: ClientOf) -> None:
    settings = SecuritySettings(roles=ROLES, api_key_header="X-API-Key")
    client = client_of(application_of(settings=settings))
    for key, status in (("key-of-ada", 200), ("wrong", 401)):
        headers = {"X-API-Key": key}
        assert (await client.http("article_list", headers=headers)).status_code == status
    async with client.connection(headers={"X-API-Key": "key-of-ada"}) as ada:
        assert (await client.websocket("article_list", connection=ada)).content == "ada"


async def test_basic_is_verified_for_request_and_for_connection(client_of: ClientOf) -> None:
    client = client_of(application_of(settings=SecuritySettings(roles=ROLES, basic=True)))
    right = {"Authorization": basic(f"ada:{PASSWORD}")}
    wrong = {"Authorization": basic("ada:wrong")}
    assert (await client.http("article_list", headers=right)).content == "ada"
    assert (await client.http("article_list", headers=wrong)).status_code == 401
    challenge = (await client.http("article_list")).headers["WWW-Authenticate"]
    assert challenge == 'Bearer, Basic realm="rxkernel", charset="UTF-8"'
    async with client.connection(headers=right) as ada:
        assert (await client.websocket("article_list", connection=ada)).content == "ada"


class AnyCase(Accounts):
    async def load(self, identifier: str) -> Account | None:
        return await super().load(identifier.lower())


async def test_socket_with_basic_ends_when_its_user_logs_out(client_of: ClientOf) -> None:
    """This holds for any spelling of the identifier."""
    settings = SecuritySettings(roles=ROLES, basic=True)
    bundle = SecurityBundle(AnyCase)
    client = client_of(application_of(bundle=bundle, settings=settings))
    headers = {"Authorization": basic(f"ADA:{PASSWORD}")}
    async with client.connection(headers=headers) as ada:
        assert ada.token.identifier == "ada"
        await client.application.injector.get(Security).logout("ada")
        await until(lambda: not ada.is_connected)


class ByEmail(Accounts):
    async def load_for_login(self, login: str) -> Account | None:
        return self.by_name.get(login.removesuffix("@example.org")) if "@" in login else None


async def test_basic_has_the_login_of_a_user_instead_of_the_identifier(
    client_of: ClientOf,
) -> None:
    settings = SecuritySettings(roles=ROLES, basic=True)
    client = client_of(application_of(bundle=SecurityBundle(ByEmail), settings=settings))
    headers = {"Authorization": basic(f"ada@example.org:{PASSWORD}")}
    async with client.connection(headers=headers) as ada:
        assert ada.token.identifier == "ada"
        assert (await client.websocket("article_list", connection=ada)).content == "ada"
    assert (await client.http("article_list", headers=headers)).content == "ada"
    headers = {"Authorization": basic(f"ada:{PASSWORD}")}
    assert (await client.http("article_list", headers=headers)).status_code == 401


async def test_socket_with_basic_ends_when_the_password_is_changed(client_of: ClientOf) -> None:
    settings = SecuritySettings(roles=ROLES, basic=True)
    bundle = SecurityBundle(Accounts)
    client = client_of(application_of(bundle=bundle, settings=settings))
    headers = {"Authorization": basic(f"ada:{PASSWORD}")}
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    async with client.connection(headers=headers) as ada:
        account = client.application.injector.get(Accounts).by_name["ada"]
        for password, status in ((PASSWORD, 200), ("another", 401)):
            account.password_hash = hasher.hash(password)
            response = await client.websocket("article_list", connection=ada)
            assert response.status_code == status
        await until(lambda: not ada.is_connected)


async def test_basic_of_another_site_is_refused(client_of: ClientOf) -> None:
    """A browser adds the header automatically."""
    client = client_of(application_of(settings=SecuritySettings(roles=ROLES, basic=True)))
    headers = {"Authorization": basic(f"ada:{PASSWORD}"), "Sec-Fetch-Site": "cross-site"}
    response = await client.http("article_password", headers=headers)
    assert (response.status_code, response.content["code"]) == (403, "cross_site")
    headers["Sec-Fetch-Site"] = "same-origin"
    assert (await client.http("article_password", headers=headers)).status_code == 200
    headers["Sec-Fetch-Site"] = "cross-site"
    assert (await client.http("article_list", headers=headers)).status_code == 200


# E7
async def test_token_in_query_is_refused_unless_setting_names_it(client_of: ClientOf) -> None:
    query = {"bearer": token_of("ada")}
    client = client_of(application_of())
    assert (await client.http("article_list", params=query)).status_code == 401
    async with client.connection(query=query) as stranger:
        response = await client.websocket("article_list", connection=stranger)
        assert response.status_code == 401

    settings = SecuritySettings(roles=ROLES, query_parameter="bearer")
    client = client_of(application_of(settings=settings))
    assert (await client.http("article_list", params=query)).content == "ada"
    assert (await client.http("article_list", params={"bearer": "x"})).status_code == 401
    stale = await client.http("article_list", params={"bearer": "x"}, headers=bearer("ada"))
    assert stale.content == "ada"  # the header wins; in RxStack the query does
    async with client.connection(query=query) as ada:
        assert (await client.websocket("article_list", connection=ada)).content == "ada"
    sent = await client.websocket("article_list", params=query)  # not a parameter of an event
    assert sent.status_code == 401


async def test_token_with_another_scheme_is_read_if_setting_names_it(client_of: ClientOf) -> None:
    """``Token`` is the scheme of Django REST framework and of the RealWorld API."""
    headers = {"Authorization": f"Token {token_of('ada')}"}
    client = client_of(application_of())
    assert (await client.http("article_list", headers=headers)).status_code == 401

    client = client_of(
        application_of(settings=SecuritySettings(roles=ROLES, token_scheme="Token"))
    )
    assert (await client.http("article_list", headers=headers)).content == "ada"
    assert (await client.http("article_list", headers=bearer("ada"))).content == "ada"
    bad = {"Authorization": "Token x"}
    assert (await client.http("article_list", headers=bad)).status_code == 401
    async with client.connection(headers=headers) as ada:
        assert (await client.websocket("article_list", connection=ada)).content == "ada"


async def test_parameter_of_the_path_is_not_read_as_query_credential(client_of: ClientOf) -> None:
    class Invitations:
        @access("authenticated")
        @both("GET", "/invitations/{bearer}", "invitation")
        async def show(self, bearer: str) -> str:
            return "shown"

    settings = SecuritySettings(roles=ROLES, query_parameter="bearer")
    client = client_of(application_of(Invitations, settings=settings))
    text = token_of("ada")
    params = {"bearer": text}
    assert (await client.http("invitation", params=params)).status_code == 401
    sent = await client.http("invitation", params={"bearer": "x"}, headers=bearer("ada"))
    assert sent.content == "shown"
