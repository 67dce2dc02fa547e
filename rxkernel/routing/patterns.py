"""Checks the regular expressions of converters and of patterns in templates, at boot."""

import re
import warnings

_INVALID = (re.error, OverflowError, RecursionError, FutureWarning, DeprecationWarning)


def pattern_fault(pattern: str) -> tuple[str, str] | None:
    """Return the rule that *pattern* breaks and a hint; None if it is valid.

    A pattern becomes a part of a longer expression whose groups are the parameters. It must not
    match an empty text, since a segment of a path is never empty.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # such as a "possible nested set"
            expression = re.compile(pattern)
    except _INVALID as exc:
        return f"is not a valid regular expression ({exc})", "correct it"
    try:
        re.compile(f"({pattern})")
    except re.error:
        return "has flags for the whole expression", "write '(?i:…)' instead of '(?i)'"
    if expression.groups:
        return "has a capturing group", "write '(?:…)' instead of '(…)'"
    if expression.fullmatch(""):
        return "matches an empty text", "require a character, as '+' does and '*' does not"
    return None
