"""Settings read from real files, environments and command lines."""

from base64 import b64encode
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import attrs
import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rxkernel.application.settings_sources import load_settings
from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import Allowed, HttpSettings, Settings, SocketioSettings


@attrs.frozen(kw_only=True)
class Tls:
    certificate: Path | None = None
    depth: int = attrs.field(default=1, validator=Allowed("1 or more", (int,), lambda n: n > 0))


@attrs.frozen(kw_only=True)
class Security:
    key: str = attrs.field(default="", metadata={"secret": True}, repr=False)
    algorithm: Literal["HS256", "RS256"] = "HS256"
    lifetime: float | None = None
    tls: Tls = attrs.field(factory=Tls)
    proxy: Tls | None = None
    peers: dict[str, int] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.algorithm == "RS256" and not self.key:
            raise ValueError("RS256 needs a key")
        if self.key.startswith("weak"):
            raise ValueError(f"{self.key} is weak")


@attrs.frozen(kw_only=True)
class Vault:
    codes: Annotated[tuple[int, ...], msgspec.Meta(max_length=2)] = ()
    doors: dict[str, list[str]] = attrs.field(factory=dict, metadata={"secret": True})

    def __attrs_post_init__(self) -> None:
        for words in self.doors.values():
            raise ValueError(f"no door opens with {words[0]}")


@attrs.frozen(kw_only=True)
class Range:
    low: int = attrs.field(default=1, validator=attrs.validators.gt(0))
    high: int = attrs.field(default=9)

    @high.validator
    def _above_low(self, attribute: "attrs.Attribute[int]", value: int) -> None:
        if value <= self.low:
            raise ValueError("high must be above low")


@attrs.frozen(kw_only=True)
class Pinned:
    """A required secret, a validator of a library and a default that depends on a setting."""

    token: str = attrs.field(
        metadata={"secret": True}, validator=attrs.validators.matches_re("[a-z]+"), repr=False
    )
    high: int = attrs.field(default=9)
    label: str = attrs.field(default=attrs.Factory(lambda self: f"to {self.high}", True))


def load(directory: Path, toml: str = "", **sources: Any) -> Settings:
    if toml:
        (directory / "rxkernel.toml").write_text(toml)
    return load_settings(directory=directory, **{"environment": {}, **sources})


def problems(directory: Path, toml: str = "", **sources: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(directory, toml, **sources)
    assert all("\n" not in problem for problem in caught.value.problems)
    return caught.value.problems


def problem(directory: Path, toml: str = "", **sources: Any) -> str:
    (only,) = problems(directory, toml, **sources)
    return only


def test_settings_without_sources_are_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()


def test_settings_of_later_source_override_each_setting(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        "debug = true\nhttp = {port = 2, max_connections = 2, body_limit = 2}",
        defaults=Settings(
            http=HttpSettings(port=1, max_connections=1, body_limit=1, prefix="/one")
        ),
        environment={"RXKERNEL_HTTP_PORT": "3", "RXKERNEL_HTTP_MAX_CONNECTIONS": "3"},
        overrides={"http.port": 4},
    )

    assert settings == Settings(
        debug=True, http=HttpSettings(port=4, max_connections=3, body_limit=2, prefix="/one")
    )


def test_pyproject_without_rxkernel_toml_is_read(tmp_path: Path) -> None:
    pyproject = "[project]\nname = 'x'\n[tool.other]\ny = 1\n[tool.rxkernel.http]\nport = 1"
    (tmp_path / "pyproject.toml").write_text(pyproject)

    assert load(tmp_path).http.port == 1


@pytest.mark.parametrize("table", ["[tool.rxkernel]", "[tool.rxkernel.http]\nport = 1"])
def test_settings_in_both_files_raise_error(tmp_path: Path, table: str) -> None:
    (tmp_path / "pyproject.toml").write_text(table)

    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, "[http]\nprot = 1")

    both, unknown = sorted(raised.value.problems)
    own, project = tmp_path / "rxkernel.toml", tmp_path / "pyproject.toml"
    assert both == (
        f"{own} and [tool.rxkernel] of {project} both exist; move all settings into one of "
        f"them, and remove the other"
    )
    assert unknown.startswith(f"http.prot from {own}: no such setting")


@pytest.mark.parametrize("text", ["", "[project]", "[tool.other]", "tool = 1"])
def test_pyproject_without_section_is_ignored(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    assert load(tmp_path) == Settings()
    assert load(tmp_path, "debug = true") == Settings(debug=True)


@pytest.mark.parametrize(
    ("variable", "text", "path", "value"),
    [
        ("DEBUG", "1", "debug", True),
        ("DEBUG", "true", "debug", True),
        ("DEBUG", "False", "debug", False),
        ("HTTP_PORT", "0", "http.port", 0),
        ("HTTP_PREFIX", "", "http.prefix", ""),
        ("HTTP_ORIGINS", "https://a.example, *", "http.origins", ("https://a.example", "*")),
        ("HTTP_ORIGINS", "", "http.origins", ()),
        ("SOCKETIO_PING_INTERVAL", "2", "socketio.ping_interval", 2.0),
        ("SOCKETIO_PORT", "", "socketio.port", None),
        ("SOCKETIO_PORT", "None", "socketio.port", None),
        ("SOCKETIO_HOST", "none", "socketio.host", None),
        ("LOGGING_LEVEL", "DEBUG", "logging.level", "DEBUG"),
    ],
)
def test_environment_text_becomes_the_type_of_its_setting(
    tmp_path: Path, variable: str, text: str, path: str, value: object
) -> None:
    found: Any = load(tmp_path, environment={f"RXKERNEL_{variable}": text, "PATH": "/bin"})
    for name in path.split("."):
        found = getattr(found, name)

    assert (found, type(found)) == (value, type(value))


@hypothesis_settings(suppress_health_check=list(HealthCheck))
@given(
    http=st.builds(
        HttpSettings,
        port=st.integers(0, 65535),
        prefix=st.from_regex(r"(/[a-z]{1,3}){0,2}", fullmatch=True),
        keepalive_timeout=st.floats(0, 1e300),
        origins=st.lists(st.sampled_from(["*", "https://a.example"])).map(tuple),
    ),
    socketio=st.builds(
        SocketioSettings, enabled=st.booleans(), port=st.none() | st.integers(0, 65535)
    ),
)
def test_settings_written_to_the_environment_are_read_back(
    tmp_path: Path, http: HttpSettings, socketio: SocketioSettings
) -> None:
    environment = {
        f"RXKERNEL_{section}_{name}".upper(): ",".join(value)
        if isinstance(value, tuple)
        else str(value)
        for section, values in (("http", http), ("socketio", socketio))
        for name, value in attrs.asdict(values).items()
        if name != "tls"  # a table; its settings have variables of their own
    }

    loaded = load(tmp_path, environment=environment)

    assert loaded == Settings(http=http, socketio=socketio)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("http.port = '80'", "http.port from {file}: got '80', must be a port, 0 to 65535"),
        ("http.port = 65536", "http.port from {file}: got 65536, must be a port, 0 to 65535"),
        ("http.port = true", "http.port from {file}: got True, must be a port"),
        ("http.port = 8.0", "http.port from {file}: got 8.0, must be a port"),
        ("debug = 1", "debug from {file}: got 1, must be true or false"),
        ("http.origins = [1]", "http.origins from {file}: got [1], must be a list of origins"),
        ("http.origins = [['x']]", "http.origins from {file}: got a list, must be a list of"),
        ("shutdown_timeout = nan", "shutdown_timeout from {file}: got nan, must be"),
        ("logging.level = 'LOUD'", "logging.level from {file}: got 'LOUD', must be one of"),
        ("http = 1", "http from {file}: must be a table of settings"),
        ("socketio.host = 'x'", "socketio from {file}: host has no effect without port"),
        ("http.prot = 1", "http.prot from {file}: no such setting; did you mean http.port?"),
        ("http.shutdown_delay = 1", "no such setting; did you mean shutdown_delay?"),
        ("[htpp]\nport = 1", "htpp from {file}: no such setting (those of a bundle exist when"),
        ("http.qqqqqqqqqqqqqqqqq = 1", "no such setting; there are http.allow_credentials"),
        ("bundles.x = 1", "bundles from {file}: no such setting"),
        ("[http\nport = 1", "{file}: must be valid TOML: Expected ']'"),
        ("debug = true\nhttp.port = oops", "(at line 2, column 13)"),
        ("debug = true\nlogging.level = '''x", "(at line 2, the end)"),
    ],
)
def test_setting_invalid_in_file_names_file_and_setting(
    tmp_path: Path, toml: str, message: str
) -> None:
    assert message.format(file=tmp_path / "rxkernel.toml") in problem(tmp_path, toml)


def test_file_not_utf8_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "rxkernel.toml").write_bytes(b"debug = true\n# \xff")

    assert "rxkernel.toml: must be UTF-8 text (at line 2)" in problem(tmp_path)


def test_file_unreadable_names_file(tmp_path: Path) -> None:
    (tmp_path / "rxkernel.toml").mkdir()

    assert "rxkernel.toml: cannot be read: Is a directory" in problem(tmp_path)


def test_setting_invalid_in_pyproject_names_table(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"

    file.write_text("[tool]\nrxkernel = 1")
    assert (
        problem(tmp_path) == f"rxkernel from {file} [tool.rxkernel]: must be a table of settings"
    )

    file.write_text("[tool.rxkernel]\ndebug = 1")
    assert problem(tmp_path).startswith(f"debug from {file} [tool.rxkernel]: got 1")


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("HTTP_PORT", "x", "http.port from RXKERNEL_HTTP_PORT: got 'x', must be a port"),
        ("HTTP_PORT", "80.5", "http.port from RXKERNEL_HTTP_PORT: got '80.5', must be a port"),
        ("HTTP_PORT", "9" * 5000, "must be a port"),
        ("HTTP_PORT", "none", "must be a port"),
        ("DEBUG", "maybe", "debug from RXKERNEL_DEBUG: got 'maybe', must be true or false"),
        ("SOCKETIO_PING_TIMEOUT", "inf", "got 'inf', must be seconds, more than 0"),
        ("LOGGING_LEVEL", "a\nb", r"got 'a\nb', must be one of"),
        ("HTTP_PROT", "1", "RXKERNEL_HTTP_PROT: no such setting; did you mean RXKERNEL_HTTP_PORT"),
        ("RELOAD", "1", "RXKERNEL_HEALTH, RXKERNEL_HEALTH_DETAILS, RXKERNEL_HTTP_…"),
    ],
)
def test_setting_invalid_in_environment_names_variable(
    tmp_path: Path, variable: str, text: str, message: str
) -> None:
    assert message in problem(tmp_path, environment={f"RXKERNEL_{variable}": text})


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"http.port": "9000"}, "http.port from argument http.port: got '9000', must be a"),
        ({"http.prt": 1}, "http.prt from argument http.prt: no such setting; did you mean"),
        ({"http": None}, "http from argument http: must be a table of settings"),
        ({"http.port.x": 1}, "http.port.x from argument http.port.x: no such setting"),
    ],
)
def test_setting_invalid_on_command_line_names_option(
    tmp_path: Path, overrides: dict[str, object], message: str
) -> None:
    assert message in problem(tmp_path, overrides=overrides)


def test_settings_report_all_problems_of_all_sources(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        "debug = 1\nx = 1\nthreads = 0\nhttp = {port = 70000}\nsocketio.host = 'a'",
        environment={"RXKERNEL_Y": "", "RXKERNEL_LOGGING_LEVEL": "LOUD"},
        overrides={"http.prefix": "/"},
        sections={"security": Security, "pinned": Pinned},
    )

    assert {text.split(" ")[0].rstrip(":") for text in found} == {
        *("debug", "x", "RXKERNEL_Y", "logging.level", "pinned.token", "socketio"),
        *("http.port", "threads", "http.prefix"),
    }
    assert len(found) == 9


@attrs.frozen(kw_only=True)
class Choices:
    store: Literal["memory", "redis"] = "memory"
    size: Literal["s", 1] | None = None


def test_setting_with_listed_values_names_them_in_error(tmp_path: Path) -> None:
    store, size = problems(
        tmp_path, "[scale]\nstore = 'Redis'\nsize = 2", sections={"scale": Choices}
    )

    assert store.endswith("got 'Redis', must be one of 'memory', 'redis'")
    assert size.endswith("got 2, must be one of 's', 1, or none")


def test_settings_that_depend_on_each_other_may_be_in_different_sources(tmp_path: Path) -> None:
    environment = {"RXKERNEL_SOCKETIO_PORT": "0"}

    settings = load(tmp_path, "socketio.host = '::1'", environment=environment)

    assert settings.socketio == SocketioSettings(host="::1", port=0)


def test_setting_invalid_is_not_reported_as_missing(tmp_path: Path) -> None:
    """The missing port is a consequence of the first problem, not a second one."""
    message = problem(tmp_path, "socketio = {host = '::1', port = 'x'}")

    assert message.startswith("socketio.port ")


@pytest.mark.parametrize("content", ["secret", "secret\n", "secret\r\n"])
def test_secret_is_read_from_its_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_bytes(content.encode())

    for location in ("key", str(tmp_path / "key")):
        environment = {"RXKERNEL_SECURITY_KEY_FILE": location}
        settings = load(tmp_path, environment=environment, sections={"security": Security})
        assert settings.bundles["security"] == Security(key="secret")


def test_variable_and_its_file_together_raise_error(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("1")
    environment = {"RXKERNEL_HTTP_PORT": "1", "RXKERNEL_HTTP_PORT_FILE": "port"}

    assert "RXKERNEL_HTTP_PORT_FILE: must not be set together with RXKERNEL_HTTP_PORT" in problem(
        tmp_path, environment=environment
    )


def test_secret_file_unreadable_names_file(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff")

    missing = problem(tmp_path, environment={"RXKERNEL_HTTP_PORT_FILE": "missing"})
    binary = problem(tmp_path, environment={"RXKERNEL_HTTP_PORT_FILE": "binary"})

    assert missing == (
        "http.port from RXKERNEL_HTTP_PORT_FILE: "
        f"cannot read {tmp_path / 'missing'}: No such file or directory"
    )
    assert binary.endswith(f"{tmp_path / 'binary'} must be UTF-8 text")


@pytest.mark.parametrize(
    ("toml", "file", "message"),
    [
        ("", ("HTTP_PORT", "hunter2"), "http.port .* a secret value, must be a port, 0 to 65535"),
        ("security.key = 7331", None, "security.key .* a secret value, must be of type str"),
        ("security.key = {x = 'hunter2'}", None, "security.key .* must be of type str"),
        ("security = 'hunter2'", None, "security .*must be a table"),
        ("security.kay = 'hunter2'", None, "did you mean security.key"),
        ("security.key = 'weakhunter2'", None, "contradict each other .*hidden"),
        ("", ("SECURITY_KEY", "weakhunter2"), "contradict each other .*hidden"),
        ("pinned.token = 'hunter2'", None, "pinned.token .* which its validator rejects"),
        ("security.peers = {a = {b = 'hunter2'}}", None, r"got a dict, must be of type dict\["),
    ],
)
def test_secret_is_not_in_error(
    tmp_path: Path, toml: str, file: tuple[str, str] | None, message: str
) -> None:
    (tmp_path / "file").write_text(file[1] if file else "")
    environment = {"RXKERNEL_PINNED_TOKEN": "x"} if "pinned" not in toml else {}
    if file:
        environment[f"RXKERNEL_{file[0]}_FILE"] = "file"
    sections = {"security": Security, "pinned": Pinned}

    with pytest.raises(ConfigurationError, match=message) as caught:
        load(tmp_path, toml, environment=environment, sections=sections)

    assert "hunter2" not in str(caught.value)
    assert "7331" not in str(caught.value)


def test_part_of_secret_is_not_in_error(tmp_path: Path) -> None:
    toml = "vault.doors = {front = ['hunter2']}"

    message = problem(tmp_path, toml, sections={"vault": Vault})

    assert message.endswith(
        "its settings contradict each other (ValueError, whose text is hidden)"
    )


def _shows(form: Callable[[str], object]) -> Any:
    def validator(instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
        raise ValueError(f"it is {form(value)!r}")

    return validator


FORMS: dict[str, Callable[[str], object]] = {
    "start": lambda value: value[:9],
    "end": lambda value: value[-3:],
    "case": str.upper,
    "length": len,
    "reversed": lambda value: value[::-1],
    "bytes": str.encode,
    "base64": lambda value: b64encode(value.encode()),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("is_file", [True, False], ids=["file", "secret field"])
@pytest.mark.parametrize("is_contradiction", [True, False], ids=["class", "validator"])
def test_text_about_a_secret_is_not_in_error(
    tmp_path: Path, name: str, is_file: bool, is_contradiction: bool
) -> None:
    """The text of the exception could contain a part of the secret in any form."""
    check = _shows(FORMS[name])

    @attrs.frozen
    class Mail:
        password: str = attrs.field(
            default="",
            metadata={"secret": not is_file},
            validator=None if is_contradiction else check,
        )

        def __attrs_post_init__(self) -> None:
            check(self, None, self.password)

    (tmp_path / "value").write_text("hunter2-Secret")
    variable = "RXKERNEL_MAIL_PASSWORD"
    environment = {f"{variable}_FILE": "value"} if is_file else {variable: "hunter2-Secret"}

    message = problem(tmp_path, environment=environment, sections={"mail": Mail})

    shown = (
        "mail from {}: its settings contradict each other (ValueError, whose text is hidden)"
        if is_contradiction
        else "mail.password from {}: got a secret value, which its validator rejects "
        "(ValueError, whose text is hidden)"
    )
    assert message == shown.format(next(iter(environment)))


@pytest.mark.parametrize("is_file", [True, False], ids=["file", "secret field"])
@pytest.mark.parametrize("is_of_class", [True, False], ids=["class", "validator"])
def test_contradiction_that_reads_no_secret_has_text_in_error(
    tmp_path: Path, is_file: bool, is_of_class: bool
) -> None:
    def check(instance: Any, attribute: object, value: int) -> None:
        if value <= instance.low:
            raise ValueError(f"high is {value}; it must be above low, {instance.low}")

    @attrs.frozen
    class Beats:
        password: str = attrs.field(default="", metadata={"secret": not is_file})
        low: int = 1
        high: int = attrs.field(default=3, validator=None if is_of_class else check)

        def __attrs_post_init__(self) -> None:
            check(self, None, self.high)

    (tmp_path / "value").write_text("hunter2-Secret")
    variable = "RXKERNEL_BEATS_PASSWORD"
    environment = {f"{variable}_FILE": "value"} if is_file else {variable: "hunter2-Secret"}

    message = problem(
        tmp_path, "beats.low = 9", environment=environment, sections={"beats": Beats}
    )

    assert message.endswith(": high is 3; it must be above low, 9")
    assert "Secret" not in message


def test_setting_of_disabled_bundle_names_bundle(tmp_path: Path) -> None:
    environment = {"RXKERNEL_REDIS_URL_FILE": "url", "RXKERNEL_SCALE_SECRET": "hunter2"}

    message = problems(tmp_path, "tasks.store = 'redis'", environment=environment)

    assert list(message) == [
        f"{where}: no such setting; those of the bundle {bundle!r} exist when it is enabled, "
        f'as by Application(bundles=["{bundle}"])'
        for where, bundle in (
            (f"tasks from {tmp_path / 'rxkernel.toml'}", "tasks"),
            ("RXKERNEL_REDIS_URL_FILE", "redis"),
            ("RXKERNEL_SCALE_SECRET", "scale"),
        )
    ]


def test_contradiction_of_section_without_secrets_has_text_in_error(tmp_path: Path) -> None:
    environment = {"RXKERNEL_PINNED_TOKEN": "hunter2", "RXKERNEL_SECURITY_ALGORITHM": "RS256"}

    message = problems(
        tmp_path, environment=environment, sections={"security": Security, "pinned": Pinned}
    )

    assert "security from RXKERNEL_SECURITY_ALGORITHM: RS256 needs a key" in message


def test_settings_limits_of_annotation_are_checked(tmp_path: Path) -> None:
    sections = {"vault": Vault}

    two = load(tmp_path, environment={"RXKERNEL_VAULT_CODES": "1,2"}, sections=sections)
    message = problem(tmp_path, "vault.codes = [1, 2, 3]", sections=sections)

    assert two.bundles["vault"] == Vault(codes=(1, 2))
    assert "got [1, 2, 3], must be of type Annotated[tuple[int, ...]" in message


def test_section_without_source_has_its_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, sections={"security": Security})

    assert settings.bundles == {"security": Security()}


def test_section_is_read_from_every_source(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        "[access_log]\nalgorithm = 'RS256'\ntls = {depth = 2}\npeers = {a = 1}",
        environment={
            "RXKERNEL_ACCESS_LOG_KEY": "k",
            "RXKERNEL_ACCESS_LOG_TLS_CERTIFICATE": "a.pem",
            "RXKERNEL_ACCESS_LOG_PROXY_DEPTH": "5",
        },
        overrides={"access_log.lifetime": 3},
        sections={"access_log": Security},
    )

    assert settings.bundles["access_log"] == Security(
        key="k",
        algorithm="RS256",
        lifetime=3.0,
        tls=Tls(certificate=Path("a.pem"), depth=2),
        proxy=Tls(depth=5),
        peers={"a": 1},
    )


def test_section_defaults_are_overridden_by_sources(tmp_path: Path) -> None:
    base = Security(key="k", tls=Tls(depth=3), proxy=Tls(depth=4))
    toml = "security.tls.certificate = 'a.pem'\nsecurity.proxy.certificate = 'b.pem'"

    settings = load(
        tmp_path,
        toml,
        defaults=Settings(bundles={"security": base, "other": 1}),
        sections={"security": Security},
    )

    assert settings.bundles["other"] == 1
    assert settings.bundles["security"] == Security(
        key="k",
        tls=Tls(certificate=Path("a.pem"), depth=3),
        proxy=Tls(certificate=Path("b.pem"), depth=4),
    )


def test_section_defaults_of_another_class_raise_error(tmp_path: Path) -> None:
    defaults = Settings(bundles={"security": Tls()})

    assert "security from the defaults: must be a Security" in problem(
        tmp_path, defaults=defaults, sections={"security": Security}
    )


@pytest.mark.parametrize("name", ["http", "debug", "bundles"])
def test_section_with_name_of_setting_raises_error(tmp_path: Path, name: str) -> None:
    assert f"{name}: a bundle cannot have the name of a setting" in problem(
        tmp_path, sections={name: Security}
    )


def test_section_class_without_attrs_raises_error(tmp_path: Path) -> None:
    assert "x: the settings class int must be an attrs class" in problem(
        tmp_path, sections={"x": int}
    )


def test_setting_without_default_missing_raises_error(tmp_path: Path) -> None:
    message = problem(tmp_path, sections={"pinned": Pinned})

    assert message == ("pinned.token: must be set, in rxkernel.toml or as RXKERNEL_PINNED_TOKEN")


def test_setting_default_depends_on_another_setting(tmp_path: Path) -> None:
    toml = "pinned = {token = 'x', high = 20}"

    settings = load(tmp_path, toml, sections={"pinned": Pinned})

    assert settings.bundles["pinned"] == Pinned(token="x", high=20, label="to 20")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("low = 0", "range.low from .*: got 0, but 'low' must be > 0"),
        ("low = 5\nhigh = 4", "range from .*: high must be above low"),
    ],
)
def test_settings_validator_text_is_in_error(tmp_path: Path, toml: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, f"[range]\n{toml}", sections={"range": Range})


def _is_postgres(instance: object, attribute: "attrs.Attribute[str]", value: str) -> None:
    if not value.startswith("postgres://"):
        raise ValueError("write a URL of PostgreSQL")


def _rejects_and_quotes_part(
    instance: object, attribute: "attrs.Attribute[Any]", value: Any
) -> None:
    raise ValueError(f"{value[-1]!r} is too short")


def _even(instance: object, attribute: "attrs.Attribute[int]", value: int | None) -> None:
    if value is not None and value % 2:
        raise ConfigurationError("workers come in pairs", "write an even number")


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen(kw_only=True)
class Checked:
    url: str = attrs.field(default="postgres://", validator=_is_postgres)
    password: str = attrs.field(
        default="postgres://", validator=_is_postgres, metadata={"secret": True}, repr=False
    )
    codes: list[int] = attrs.field(
        factory=list, validator=_rejects_and_quotes_part, metadata={"secret": True}, repr=False
    )
    pairs: int | None = attrs.field(default=None, validator=_even)
    limit: int = attrs.field(
        default=1, validator=[attrs.validators.instance_of(int), attrs.validators.lt(9)]
    )
    color: Color = Color.RED


KEPT = "got a secret value"
REJECTED = "which its validator rejects (ValueError, whose text is hidden)"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("url", "my://x", "got 'my://x', but write a URL of PostgreSQL"),
        ("pairs", 3, "got {value}, but workers come in pairs; write an even number"),
        ("limit", 9, "got {value}, but 'limit' must be < 9: 9"),
        ("password", "my://x", f"{KEPT}, {REJECTED}"),
        ("codes", [1, 7331], f"{KEPT}, {REJECTED}"),
        ("color", "green", "got 'green', must be one of 'red', 'blue'"),
    ],
)
@pytest.mark.parametrize("source", ["toml", "variable", "file"])
def test_validator_text_is_in_error_for_every_source(
    tmp_path: Path, name: str, value: Any, message: str, source: str
) -> None:
    """Except for secrets; every value that is read from a ``…_FILE`` counts as one."""
    variable = f"RXKERNEL_CHECKED_{name.upper()}"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    if source == "toml":
        (tmp_path / "rxkernel.toml").write_text(f"[checked]\n{name} = {value!r}")
        origin, shown, environment = str(tmp_path / "rxkernel.toml"), value, {}
    elif source == "variable":
        origin, shown, environment = variable, repr(text), {variable: text}
    else:
        (tmp_path / "value").write_text(text)
        origin = f"{variable}_FILE"
        shown, environment = KEPT.removeprefix("got "), {f"{variable}_FILE": "value"}
        if name != "color":  # rejected by its type before
            kind = "ConfigurationError" if name == "pairs" else "ValueError"
            message = f"{KEPT}, {REJECTED.replace('ValueError', kind)}"
        message = message.replace(f"got {value!r}", KEPT)

    found = problem(tmp_path, environment=environment, sections={"checked": Checked})

    assert found == f"checked.{name} from {origin}: {message.format(value=shown)}"


def test_setting_invalid_in_nested_group_has_full_name(tmp_path: Path) -> None:
    toml = "[security.tls]\ndepth = 0\ncertificate = 1\ndeph = 1"

    found = problems(tmp_path, toml, sections={"security": Security})

    names = sorted(text.split(" ")[0] for text in found)
    assert names == ["security.tls.certificate", "security.tls.deph", "security.tls.depth"]


def test_variable_name_of_two_settings_raises_error(tmp_path: Path) -> None:
    both = attrs.make_class(
        "Both", {name: attrs.field(default="") for name in ("key", "key_file")}
    )

    assert problem(tmp_path, environment={"RXKERNEL_X_KEY_FILE": "a"}, sections={"x": both}) == (
        "RXKERNEL_X_KEY_FILE: may mean x.key or x.key_file; set it in rxkernel.toml instead"
    )
