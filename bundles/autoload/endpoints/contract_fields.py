"""Checks the fields of a contract before its routes exist, so that an error names the file."""

from collections.abc import Collection, Mapping
from typing import Any

from bundles.contracts import Contract, contract, problems_of_contract
from rxkernel import ConfigurationError, Transport, options_of


def check_fields(fields: Mapping[str, Any], transports: Collection[Transport]) -> None:
    """Check the values of *fields*, except schemas and examples, which are checked later.

    Raises:
        ConfigurationError: lists every error.
    """

    def labelled() -> None: ...

    options = options_of(contract(**fields)(labelled))
    problems: list[str] = []
    try:
        Contract.of(options)
    except ConfigurationError as error:
        problems += error.problems
    problems += problems_of_contract(Contract.readable(options), transports)
    if problems:
        raise ConfigurationError(*problems)
