"""Accounts, and sessions by their token."""

import asyncio

from rxkernel import KernelClient

MARCUS = {"login": "marcus", "password": "correct horse"}
CITY = {"cityId": 1}


async def test_sign_in_opens_what_needs_a_session(client: KernelClient) -> None:
    assert (await client.http("auth/register", body=MARCUS)).content is True

    token = (await client.http("auth/signIn", body=MARCUS)).content

    assert isinstance(token, str)
    assert (await client.http("example.1/getCity", body=CITY)).status_code == 200
    assert (await client.http("auth/signOut")).content is True
    assert (await client.http("example.1/getCity", body=CITY)).status_code == 401


async def test_token_restores_the_session_on_another_connection(client: KernelClient) -> None:
    await client.http("auth/register", body=MARCUS)
    async with client.connection() as first, client.connection() as second:
        token = (await client.websocket("auth/signIn", body=MARCUS, connection=first)).content
        body = {"token": token}

        restored = await client.websocket("auth/restore", body=body, connection=second)

        assert restored.content is True
        response = await client.websocket("example.1/getCity", body=CITY, connection=second)
        assert response.status_code == 200


async def test_sign_in_with_a_wrong_password_is_401(client: KernelClient) -> None:
    await client.http("auth/register", body=MARCUS)

    response = await client.http("auth/signIn", body=MARCUS | {"password": "wrong"})

    assert response.status_code == 401


async def test_address_with_too_many_wrong_passwords_is_429(client: KernelClient) -> None:
    await client.http("auth/register", body=MARCUS)
    for _ in range(10):
        await client.http("auth/signIn", body={"login": "nobody", "password": "wrong"})

    response = await client.http("auth/signIn", body=MARCUS)

    assert response.status_code == 429
    assert response.content["code"] == "too_many_logins"


async def test_wrong_passwords_that_are_sent_together_are_429_above_the_limit(
    client: KernelClient,
) -> None:
    body = MARCUS | {"password": "wrong"}
    calls = (client.http("auth/signIn", body=body) for _ in range(12))

    statuses = sorted(response.status_code for response in await asyncio.gather(*calls))

    assert statuses == [401] * 10 + [429] * 2


async def test_address_with_too_many_sign_ups_is_429(client: KernelClient) -> None:
    for number in range(10):
        await client.http("auth/register", body=MARCUS | {"login": f"marcus{number}"})

    assert (await client.http("auth/register", body=MARCUS)).status_code == 429
