"""The reason phrases of statuses, the same for all versions of Python."""

from http import HTTPStatus

import rxkernel
from rxkernel import HttpException

_PHRASES = {status.value: status.phrase for status in HTTPStatus} | {
    each.status_code: each.phrase
    for each in vars(rxkernel).values()
    if isinstance(each, type) and issubclass(each, HttpException) and "phrase" in vars(each)
}
_CLASSES = ("Success", "Redirection", "Client Error", "Server Error")


def phrase_of(status: int) -> str:
    """Return the phrase of *status*, from 200 on. An unassigned status has the phrase of its
    class. The phrases of errors are the messages that the kernel sends.
    """
    return _PHRASES.get(status) or _CLASSES[status // 100 - 2]
