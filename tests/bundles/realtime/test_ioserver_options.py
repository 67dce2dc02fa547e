"""Invalid and combined options of `IOServer`."""

import logging
from pathlib import Path
from typing import Any

import pytest

from bundles.realtime import (
    Controller,
    IOServer,
    IOServerError,
    Manager,
    RealtimeBundle,
    RealtimeSettings,
    Service,
    Watcher,
    event,
)
from bundles.tasks import TasksSettings, every
from rxkernel import ConfigurationError, Settings


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"mode": None}, "mode is None; write a str, or a list of them"),
        ({"mode": ["websocket", 5]}, "mode is .*; write a str, or a list of them"),
        ({"cookie": {"name": "x"}}, "cookie is .*; write True, False, or a name"),
        ({"cookie": 5}, "cookie is 5; write True, False, or a name"),
        ({"cors": True}, "cors is True; write a dict"),
        ({"cors": []}, r"cors is \[\]; write a dict"),
        ({"cors": {"origin": None}}, r"cors\['origin'\] is None; write a str"),
        ({"cors": {"exposed_headers": 5}}, r"cors\['exposed_headers'\] is 5; write a str"),
        ({"cors": {"origin": "here"}}, "origins must be a list of origins"),
        ({"cors": {"max_age": -1}}, "preflight_max_age must be seconds"),
        ({"cookie": "a b"}, "cookie must be a name"),
        ({"host": " "}, "host must be a host name or an IP address"),
    ],
)
def test_ioserver_invalid_option_is_a_configuration_error(
    options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        IOServer(**options)


def test_ioserver_reports_all_invalid_options_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        IOServer(
            host=1,  # type: ignore[arg-type]
            port="x",
            verbose=None,  # type: ignore[arg-type]
            mode=5,  # type: ignore[arg-type]
            cookie=5,  # type: ignore[arg-type]
            cors={"methods": ["GET"], "origin": 5},
            routes=None,  # type: ignore[arg-type]
            root_dir=7,  # type: ignore[arg-type]
            spa_fallback="yes",  # type: ignore[arg-type]
            settings={},  # type: ignore[arg-type]
        )

    assert {problem.partition(";")[0] for problem in caught.value.problems} == {
        "host is 1",
        "port is 'x'",
        "verbose None is not a level",
        "mode is 5",
        "cookie is 5",
        "cors has the unknown key 'methods'",
        "cors['origin'] is 5",
        "routes is None",
        "root_dir is 7",
        "spa_fallback is 'yes'",
        "settings is {}",
    }


def test_ioserver_invalid_values_of_settings_are_reported_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        IOServer(host=" ", cors={"origin": "here", "max_age": -1})

    assert [problem.partition(" must be")[0] for problem in caught.value.problems] == [
        *("host", "origins", "preflight_max_age"),
    ]


def test_ioserver_options_that_exclude_one_another_are_an_error() -> None:
    with pytest.raises(ConfigurationError, match="allow_credentials must be false while origins"):
        IOServer(cors={"origin": True, "credentials": True})


@pytest.mark.parametrize("name", ["host", "routes", "root_dir"])
def test_ioserver_option_with_a_wrong_type_is_one_error(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{name} is 1\.5; write") as caught:
        IOServer(**{name: 1.5})  # type: ignore[arg-type]
    assert len(caught.value.problems) == 1


def test_ioserver_port_that_is_a_bool_is_an_error() -> None:
    with pytest.raises(IOServerError, match="Invalid port number"):
        IOServer(port=True)


async def test_ioserver_exposed_header_may_be_one_text() -> None:
    server = IOServer(cors={"exposed_headers": "X-Total"})
    settings = (await server.application.boot()).get(Settings)
    assert settings.http.exposed_headers == ("X-Total",)
    await server.stop()


async def test_ioserver_keeps_the_other_settings_of_the_bundle() -> None:
    given = Settings(bundles={"realtime": RealtimeSettings(connect_timeout=0.5)})
    server = IOServer(settings=given, verbose="DEBUG")
    settings = (await server.application.boot()).get(RealtimeSettings)
    assert (settings.connect_timeout, settings.verbose) == (0.5, "DEBUG")
    await server.stop()


async def test_ioserver_stop_before_the_start_does_nothing() -> None:
    server = IOServer()
    assert await server.stop()
    server.add_service(service=type("Chat", (Service,), {}))


@pytest.mark.parametrize(("bundles", "store"), [([], "memory"), (["tasks"], "sqlite")])
async def test_ioserver_with_a_watcher_keeps_the_store_of_a_given_bundle(
    bundles: list[str], store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = IOServer(bundles=bundles)
    server.add_watcher(name="idle", watcher=Idle)
    settings = (await server.application.boot()).get(TasksSettings)
    assert settings.store == store
    await server.stop()


class Idle(Watcher):
    async def watch(self) -> None: ...


async def test_ioserver_manager_with_a_schedule_without_the_bundle_tasks_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Cleaner(Manager):
        @every("1d")
        async def clean(self) -> None: ...

    server = IOServer()
    server.add_manager(name="cleaner", manager=Cleaner)
    with caplog.at_level(logging.WARNING, "rxkernel"):
        await server.application.boot()
    await server.stop()
    assert "Cleaner.clean has no effect without the bundle tasks" in caplog.text


def test_ioserver_unknown_option_is_an_error_with_a_hint() -> None:
    with pytest.raises(ConfigurationError) as caught:
        IOServer(prot=80, level="DEBUG")

    first, second = caught.value.problems
    assert first == "unknown option 'prot'; did you mean 'port'?"
    assert second.startswith("unknown option 'level'; the options are: host, port, verbose, ")
    assert " bundles" in second


class Store(Manager):
    pass


class Plain:
    pass


def test_bundle_with_wrong_components_is_one_error() -> None:
    with pytest.raises(ConfigurationError) as caught:
        RealtimeBundle(
            services=[Plain, Service],
            controllers=Controller,  # type: ignore[arg-type]
            managers={"store": Store, "other": Store(None)},  # type: ignore[arg-type, dict-item]
        )

    one, two, three = caught.value.problems
    assert one == f"services has {Plain!r}, which is not a subclass of Service"
    assert two == "controllers is the class Controller; write a list: controllers=[Controller]"
    assert three.startswith("managers has <")
    assert three.endswith(", which is not a subclass of Manager")


@pytest.mark.parametrize("given", [5, None, Plain])
def test_event_with_another_value_than_a_name_is_an_error(given: Any) -> None:
    with pytest.raises(ConfigurationError, match=r'; write @event, or @event\("name"\)$'):
        event(given)
