"""The exceptions of the kernel by their status."""

from http import HTTPStatus

from rxkernel import HttpException

_BY_STATUS = {cls.status_code: cls for cls in reversed(HttpException.__subclasses__())}
"""The first subclass with a status is that of the kernel; bundles may derive others."""


def http_error(status: int, message: str | None = None) -> HttpException:
    """Return the exception with *status*.

    Raises:
        ValueError: *status* is not from 400 to 599.
    """
    if type(status) is not int or not 400 <= status <= 599:
        raise ValueError(
            f"the status of an error is {status!r}; it must be an int from 400 to 599"
        )
    known = _BY_STATUS.get(status)
    if known is not None:
        return known(message)
    error = HttpException(_phrase_of(status) if message is None else message)
    error.status_code = status
    return error


def _phrase_of(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Client Error" if status < 500 else "Server Error"
