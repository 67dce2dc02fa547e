"""What the ``validate`` of a schema and of a contract may return and raise."""

import logging
from collections.abc import Callable
from typing import Any

from rxkernel import ValidationError

_logger = logging.getLogger(__name__)


def errors_of_verdict(verdict: Any, function: Callable[..., Any]) -> list[ValidationError]:
    """Return the errors of *verdict*, which *function* has returned: None or True if the value is
    valid, else False, a text, or a list of texts.

    Raises:
        RuntimeError: *verdict* is something else, so *function* has a bug.
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
