"""`Arguments`: a parameter that receives all checked arguments as one dict."""

from collections.abc import Callable
from typing import Any

import attrs

from bundles.contracts.arguments import arguments_of
from bundles.contracts.contract import contract_of
from rxkernel import ConfigurationError, Definition, Marker, Parameter, Request


@attrs.frozen
class Arguments(Marker):
    """All arguments of the message: ``arguments: Annotated[dict[str, Any], Arguments()]``.

    The definition must have a contract with ``parameters``.
    """


class ArgumentsResolver:
    """Provides the arguments that the contract has checked."""

    def bind(
        self, marker: Arguments, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Any]:
        """Return the function that returns the arguments of a message."""
        contract = contract_of(definition)
        if contract is None or contract.parameters is None:
            raise ConfigurationError(
                f"the parameter {parameter.name!r} has Arguments(), but the contract has no "
                f"parameters; write @contract(parameters={{…}})"
            )
        return arguments_of
