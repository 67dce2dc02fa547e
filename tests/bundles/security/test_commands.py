"""``rxkernel security``: keys, hashes of passwords, the check."""

import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result

from bundles.security.tokens.key_files import read_keys
from rxkernel.cli import main
from tests.project_folder import enter_project

APP = """\
from bundles.security import SecurityBundle
from rxkernel import Application
from tests.bundles.security.logins import Accounts, Notes

application = Application(bundles=[SecurityBundle(Accounts)], controllers=[Notes])
"""
CHEAP = "security = {passwords = {memory = 8, iterations = 1}}\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    enter_project(tmp_path, monkeypatch)
    (tmp_path / "shop_with_logins.py").write_text(APP)
    (tmp_path / "rxkernel.toml").write_text(CHEAP)
    yield tmp_path
    sys.modules.pop("shop_with_logins", None)


def run(*arguments: str, input: str | None = None) -> Result:
    command = ["--app", "shop_with_logins", "security", *arguments]
    return CliRunner().invoke(main, command, input=input)


def test_keys_new_adds_a_key_that_signs(project: Path) -> None:
    path = project / "keys.json"
    for algorithm in ("HS256", "EdDSA"):
        result = run("keys", "new", "keys.json", "--algorithm", algorithm)
        assert result.exit_code == 0
        assert f"({algorithm}) to keys.json" in result.output

    assert [key.algorithm for key in read_keys(path)] == ["EdDSA", "HS256"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_keys_new_without_a_file_writes_a_jwks() -> None:
    result = run("keys", "new", "--algorithm", "ES256")

    assert json.loads(result.output)["keys"][0]["alg"] == "ES256"


def test_keys_new_keeps_a_file_that_is_not_a_jwks(project: Path) -> None:
    (project / "keys.json").write_text("text")

    result = run("keys", "new", "keys.json")

    assert result.exit_code == 2
    assert "no usable key" in result.output
    assert (project / "keys.json").read_text() == "text"


def test_hash_password_reads_standard_input(project: Path) -> None:
    result = run("hash-password", input="s3cret\n")

    assert result.exit_code == 0
    assert result.stderr == ""
    stored = result.stdout.removesuffix("\n")
    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert PasswordHasher().verify(stored, "s3cret")
    assert not (project / "var").exists()
    assert run("hash-password", input="p" * 2000 + "\n").exit_code == 2


def test_check_shows_keys_and_settings(project: Path) -> None:
    result = run("check")

    assert result.exit_code == 0, result.output
    key = json.loads((project / "var/security-keys.json").read_text())["keys"][0]
    assert f"{key['kid']}  HS256      signs" in result.output
    assert key["k"] not in result.output
    assert "store of tokens   memory" in result.output
    assert "/security/login, /security/refresh-token, /security/logout" in result.output


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ('keys = ["missing.pem"]', "the file 'missing.pem' cannot be read"),
        ('secret = "s3cret"', "security.tokens.secret"),
        ('store = "redis"', "the bundle 'redis' is not enabled"),
        ("leeway = 61", "leeway"),
        ('store = "sqlite"\nstore_file = "rxkernel.toml/x"', "cannot be opened"),
    ],
)
def test_check_reports_invalid_settings(project: Path, settings: str, problem: str) -> None:
    (project / "rxkernel.toml").write_text(
        f"{CHEAP}\n[security.tokens]\n{settings}\n".replace(
            "security = {passwords = {memory = 8, iterations = 1}}",
            "[security.passwords]\nmemory = 8\niterations = 1",
        )
    )

    result = run("check")

    assert result.exit_code == 2
    assert problem in result.output
    assert "s3cret" not in result.output


WITH_NAMESPACES = """\
from bundles.security import SecurityBundle, access
from rxkernel import Application, websocket
from tests.bundles.security.logins import Accounts, Notes


class Rooms:
    @access("authenticated")
    @websocket("who", namespace="/admin")
    async def who(self) -> None: ...

    @access("public")
    @websocket("paint", namespace="/room/{id}")
    async def paint(self) -> None: ...


rules = {"/admin": access(roles="admin"), "/room/{id}": "authenticated"}
application = Application(
    bundles=[SecurityBundle(Accounts, connect=rules)], controllers=[Notes, Rooms]
)
"""


def test_check_and_routes_show_rules_of_namespaces(project: Path) -> None:
    (project / "shop_with_logins.py").write_text(WITH_NAMESPACES)

    checked = run("check")
    assert checked.exit_code == 0
    assert checked.output.splitlines()[-3:] == [
        "NAMESPACE   RULE FOR CONNECTING",
        "/admin      roles=admin",
        "/room/{id}  authenticated",
    ]
    listed = CliRunner().invoke(main, ["routes", "shop_with_logins", "--json"])
    options = {route["name"]: route["options"] for route in json.loads(listed.stdout)["websocket"]}
    assert options["/admin:who"] == {"access": "authenticated", "access.connect": "roles=admin"}
    assert options["/room/{id}:paint"]["access.connect"] == "authenticated"
    assert options["/room/{id}:security_authenticate"]["access.connect"] == "authenticated"
    assert "access.connect" not in options["note_mine"]
