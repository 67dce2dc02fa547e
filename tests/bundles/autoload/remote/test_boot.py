"""Errors in the files of a service, found at boot."""

from typing import Any

import pytest

from bundles.autoload.remote import BusEnvironment, RemoteMethod, Service
from rxkernel import ConfigurationError
from rxkernel.kernel.serialization import SERIALIZER
from tests.bundles.autoload.remote.conftest import MethodOf

URL = "https://example.com/api"


def service_of(values: dict[str, Any]) -> Service:
    return Service.of(values, name="bus.x", environment=BusEnvironment(SERIALIZER))


def problems_of_service(values: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        service_of(values)
    return list(caught.value.problems)


def problems_of_method(values: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        RemoteMethod.of(values, name="bus.x.y", service=service_of({"url": URL}))
    return list(caught.value.problems)


def test_service_with_only_a_url_has_defaults() -> None:
    settings = service_of({"url": URL}).settings
    assert (settings.timeout, settings.attempt_timeout, settings.retries) == (10.0, 10.0, 2)


def test_service_with_many_errors_reports_all() -> None:
    problems = problems_of_service(
        {
            "timeout": "10",
            "retries": -1,
            "limits": [{"calls": 0, "per": "1x"}, 7],
            "queue": {"sise": 3},
            "circuit_breaker": {"ratio": 2},
            "headers": {"a b": "x", "X": "a\r\nb", "host": "x", "Y": "\ud800", "Z": " "},
            "redirect_origins": ["https://example.com/path"],
            "retrys": 3,
        }
    )
    text = "\n".join(problems)
    for part in (
        "url is missing; it must be a URL",
        "timeout must be seconds, more than 0",
        "retries is -1; it must be a whole number",
        "limits[0].calls is 0",
        "limits[0].per must be seconds",
        "limits[1] must be",
        "queue.sise is not a known key; did you mean 'size'?",
        "circuit_breaker.ratio is 2",
        "headers.'a b' must be a header name",
        "headers.X must be a text without line breaks",
        "headers.host is set by the HTTP client",
        "headers.Y must",
        "headers.Z must",
        "redirect_origins[0] must be an origin",
        "retrys is not a known key; did you mean 'retries'?",
    ):
        assert part in text
    assert len(problems) == 15


@pytest.mark.parametrize(
    "url",
    [
        *("", "/api", "example.com", "ftp://example.com", "http://", "file:///etc/passwd"),
        *("http://user:key-in-url@example.com", "http://key-in-url@example.com", None, 7),
        *("http://example.com/?key-in-url", "http://example.com/#x", "http://example.com/a/../b"),
        *(
            "http://example.com:99999",
            "http://exam\nple.com",
            "http://a b/",
            "http://example.com?",
        ),
    ],
)
def test_service_with_an_invalid_url_is_rejected_without_the_url(url: object) -> None:
    (problem,) = problems_of_service({"url": url})
    assert "must be a URL http://host/path" in problem
    assert "key-in-url" not in problem


def test_service_with_secret_in_invalid_headers_does_not_report_it() -> None:
    (problem,) = problems_of_service({"url": URL, "headers": {"Authorization": "key\n"}})
    assert "key\n" not in problem
    (problem,) = problems_of_service({"url": URL, "headers": {"Authorization": ["s3cret"]}})
    assert "s3cret" not in problem


@pytest.mark.parametrize("key", ["timeout", "limits", "queue", "redirect_origins"])
def test_service_with_secret_in_an_invalid_key_does_not_report_it(key: str) -> None:
    for value in ("s3cret", ["s3cret"], {"a": "s3cret"}):
        assert "s3cret" not in str(problems_of_service({"url": URL, key: value}))


def test_method_with_key_in_its_path_does_not_report_it() -> None:
    """URLs of Metarhia have keys in the path; here a key must be in the query or the headers."""
    (problem,) = problems_of_method({"method": {"get": "v1?key=s3cret"}})
    assert problem.startswith("method.get must be a path below the url of the service, without")
    assert "s3cret" not in problem


def test_own_variable_in_small_letters_is_rejected_with_the_remedy() -> None:
    (problem,) = problems_of_service({"url": URL, "token": "s3cret"})
    assert problem.endswith("; begin the name with _ if it is not a key")
    assert "s3cret" not in problem


def test_url_with_other_characters_is_encoded() -> None:
    settings = service_of({"url": "http://exämple.com/ö/"}).settings
    assert settings.url == "http://xn--exmple-cua.com/%C3%B6"


def test_attempt_timeout_above_the_timeout_is_rejected() -> None:
    (problem,) = problems_of_service({"url": URL, "timeout": 1, "attempt_timeout": 2})
    assert "attempt_timeout must not exceed timeout, which is 1 seconds" in problem


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "method must have one of get, head, options, post, put, patch, delete; it has 0"),
        ({"method": {"get": "a", "post": "b"}}, "method must have one of"),
        ({"method": "get"}, "method must be a mapping such as {'get': 'path'}"),
        ({"method": {"get": "../admin"}}, "method.get must be a path below"),
        ({"method": {"get": "a?b"}}, "method.get"),
        ({"method": {"get": "a//b"}}, "method.get"),
        ({"method": {"get": "a%zz"}}, "method.get"),
        ({"method": {"get": "a\nb"}}, "method.get"),
        ({"method": {"get": None}}, "method.get is None"),
        ({"method": {"gett": "a"}}, "method.gett is not a known key; did you mean 'get'?"),
        (
            {"method": {"get": "a", "path": "id"}},
            "method.path must be a list of names",
        ),
        ({"method": {"get": "a", "body": ["x"]}}, "method.body must not be set: a GET request"),
        ({"method": {"get": "a"}, "query": {"params": 1}}, "query.params is 1"),
        (
            {"method": {"get": "a"}, "query": ["lang"]},
            "query must be a mapping such as {'params': ['name']}",
        ),
        ({"method": {"get": "a"}, "query": {"sufix": ""}}, "query.sufix is not a known key"),
        ({"method": {"get": "a"}, "query": {"params": {"q": "strin"}}}, "query.params"),
        ({"method": {"get": "a"}, "returns": "strin"}, "returns"),
        ({"method": {"get": "a"}, "parameters": {"x": "string"}}, "parameters.x is not sent"),
        (
            {"method": {"get": "a", "path": ["id"]}, "parameters": {}},
            "parameters must have 'id', which path, query or body names",
        ),
        ({"method": {"get": "a"}, "body": ["x"]}, "body belongs into method"),
        ({"method": {"get": "a"}, "response": "xml"}, "response must be one of"),
        ({"method": {"get": "a"}, "timeout": 0}, "timeout is 0"),
        ({"method": {"get": "a"}, "retries": 1.5}, "retries is 1.5"),
        ({"method": {"get": "a"}, "headers": {"Content-Length": "1"}}, "headers.Content-Length"),
    ],
)
def test_method_with_an_error_is_rejected(values: dict[str, Any], problem: str) -> None:
    assert any(found.startswith(problem) for found in problems_of_method(values))


async def test_parameters_of_any_kind_are_accepted(method_of: MethodOf) -> None:
    for parameters in (
        {"id": "number"},
        {"id": {"type": "number"}},
        {"object": {"string": "json"}},
    ):
        method_of({"method": {"get": "", "path": ["id"]}, "parameters": parameters})
