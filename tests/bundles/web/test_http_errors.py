"""The texts of errors by their status."""

import pytest

from bundles.web.http_errors import http_error
from rxkernel import NotFoundException, error_response


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (404, "Not Found"),
        (418, "I'm a Teapot"),
        (425, "Too Early"),
        (420, "Client Error"),
        (508, "Loop Detected"),
        (599, "Server Error"),
    ],
)
def test_error_without_message_has_the_phrase_of_its_status(status: int, text: str) -> None:
    response = error_response(http_error(status))

    assert (response.status_code, response.content["message"]) == (status, text)


def test_error_with_a_class_of_its_own_is_an_instance_of_it() -> None:
    assert type(http_error(404, "none")) is NotFoundException


def test_error_with_a_message_has_it() -> None:
    assert error_response(http_error(418, "tea")).content["message"] == "tea"
