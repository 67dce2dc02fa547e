"""``rxkernel security``: keys, hashes of passwords, and a check of the settings."""

import asyncio
import sys
from pathlib import Path

import click

from bundles.security.logins.passwords import MAX_PASSWORD, Passwords
from bundles.security.rules.namespace_rules import NamespaceRules
from bundles.security.settings import SecuritySettings
from bundles.security.tokens.access_tokens import AccessTokens
from bundles.security.tokens.key_files import add_key, jwks_of, new_key
from bundles.security.tokens.keys import ALGORITHMS
from bundles.security.tokens.store import TokenStore
from rxkernel import Application, ConfigurationError


@click.group("security")
def security() -> None:
    """Keys, hashes of passwords, and a check of the settings."""


@security.group("keys")
def keys() -> None:
    """The keys of access tokens."""


@keys.command("new")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--algorithm",
    type=click.Choice(list(ALGORITHMS)),
    default="HS256",
    show_default=True,
    help="HS… is one secret key; the others are a private and a public key.",
)
def new(file: Path | None, algorithm: str) -> None:
    """Create a key, and put it first in FILE, a JWKS: it signs, and the others still verify.

    Without FILE, write a JWKS to the standard output. Remove the old keys from FILE when their
    tokens have expired. Servers read the file when they start.
    """
    if file is None:
        click.echo(jwks_of(new_key(algorithm)), nl=False)
        return
    key = add_key(file, algorithm)
    click.echo(f"Added the key {key.kid} ({algorithm}) to {file}.")


@security.command("hash-password")
@click.pass_obj
def hash_password(application: Application) -> None:
    """Read a password from the terminal or the standard input, and write its hash."""
    password = (
        click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        if _is_terminal()
        else sys.stdin.readline().rstrip("\r\n")
    )
    if not 0 < len(password.encode(errors="replace")) <= MAX_PASSWORD:
        raise click.UsageError(f"a password must have 1 to {MAX_PASSWORD} bytes")
    given = application.settings.bundles.get("security")
    settings = given if isinstance(given, SecuritySettings) else SecuritySettings()
    click.echo(asyncio.run(_hash(settings, password)))


def _is_terminal() -> bool:
    return sys.stdin.isatty()


async def _hash(settings: SecuritySettings, password: str) -> str:
    async with Passwords(settings) as passwords:
        return await passwords.hash(password)


@security.command("check")
@click.pass_obj
def check(application: Application) -> None:
    """Boot without serving, and show the keys, the store, the routes of logins and the rules of
    namespaces.

    Exits with 2 if a setting or a file is invalid, or if the store cannot be reached.
    """
    click.echo(asyncio.run(_report(application)))


async def _report(application: Application) -> str:
    async with application:
        injector = application.injector
        await _reach(injector.get(TokenStore))  # type: ignore[type-abstract]
        settings = injector.get(SecuritySettings)
        costs = settings.passwords
        definitions = application.kernel.http_definitions
        routes = [d.path for d in definitions if d.name.startswith("security_")]
        return "\n".join(
            (
                "KEY                                          ALGORITHM  USE",
                *_key_lines(injector.get(AccessTokens)),
                "",
                f"store of tokens   {settings.tokens.store}",
                f"access tokens     {settings.tokens.ttl:g} s",
                f"refresh tokens    {settings.tokens.refresh_ttl:g} s",
                f"passwords         Argon2id, {costs.memory} KiB, {costs.iterations} passes",
                f"routes            {', '.join(routes) or 'none'}",
                *_connect_lines(injector.get(NamespaceRules)),
            )
        )


def _key_lines(tokens: AccessTokens) -> list[str]:
    ring = tokens.keys
    return [
        f"{key.id:<44} {key.algorithm:<10} {'signs' if key is ring.signing else 'verifies'}"
        for key in ring.keys
    ]


def _connect_lines(rules: NamespaceRules) -> list[str]:
    found = rules.by_namespace
    if not found:
        return []
    width = max(map(len, ("NAMESPACE", *found)))
    lines = (f"{namespace:<{width}}  {rule!r}" for namespace, rule in found.items())
    return ["", f"{'NAMESPACE':<{width}}  RULE FOR CONNECTING", *lines]


async def _reach(store: TokenStore) -> None:
    try:
        await store.is_revoked("", "", 0.0)
    except Exception as exc:  # each store raises the errors of its library
        raise ConfigurationError(
            f"the store of security.tokens.store cannot be reached: {exc}"
        ) from exc
