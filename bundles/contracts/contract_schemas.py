"""The compiled schemas of a contract."""

from typing import Self

import attrs

from bundles.contracts.contract import Contract
from bundles.contracts.schemas import Schema, Schemas
from rxkernel import ConfigurationError, Definition


@attrs.frozen
class ContractSchemas:
    """The schemas of the arguments and of the result; None: it is not checked."""

    parameters: Schema | None = None
    returns: Schema | None = None

    @classmethod
    def of(cls, contract: Contract, schemas: Schemas) -> Self:
        """Compile the notations of *contract*, which may refer to *schemas*.

        Raises:
            ConfigurationError: lists every error of both.
        """
        notations = {"parameters": contract.parameters, "returns": contract.returns}
        problems: list[str] = []
        found: dict[str, Schema] = {}
        for key, notation in notations.items():
            if notation is not None:
                try:
                    found[key] = schemas.compile(notation, key)
                except ConfigurationError as error:
                    problems += error.problems
        if problems:
            raise ConfigurationError(*problems)
        return cls(**found)


def place_of(definition: Definition) -> str:
    """Return the route and the action of *definition*, for errors."""
    return f"route {definition.name!r} ({definition.metadata.place})"
