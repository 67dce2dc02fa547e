"""The results and exceptions of the ``validate`` of a schema or a contract."""

import logging
from collections.abc import Callable
from typing import Any

from rxkernel import ValidationError

_logger = logging.getLogger(__name__)


def errors_of_verdict(verdict: Any, function: Callable[..., Any]) -> list[ValidationError]:
    """Return the errors in *verdict*, the result of *function*: None or True if the value is
    valid; otherwise False, a text, or a list of texts.

    Raises:
        RuntimeError: *verdict* is another value, which is a bug of *function*.
    """
    if verdict is None or verdict is True:
        return []
    if verdict is False:
        return [ValidationError("validation error")]
    texts = [verdict] if isinstance(verdict, str) else verdict
    if not (isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts)):
        raise RuntimeError(
            f"validate {function!r} returned a {type(verdict).__qualname__}; return None, True, "
            f"False, a text or a list of texts"
        )
    return [ValidationError(text) for text in texts]


def error_without_text(exc: TypeError | ValueError) -> ValidationError:
    """Return the error for *exc*, whose text is not sent, since it may quote the value."""
    _logger.debug("the text of this exception is not sent to the client", exc_info=exc)
    return ValidationError("validation failed")
