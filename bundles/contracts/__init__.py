"""Contracts of definitions: timeouts, queues, schemas, errors and examples."""

from bundles.contracts.arguments import arguments_of, fields_of, params_of
from bundles.contracts.arguments_marker import Arguments
from bundles.contracts.bundle import ContractsBundle
from bundles.contracts.contract import Contract, contract, contract_of
from bundles.contracts.contract_checks import problems_of_contract
from bundles.contracts.contract_schemas import ContractSchemas
from bundles.contracts.domain_error import DomainError
from bundles.contracts.encoded_results import keep_result, skip_result
from bundles.contracts.enforcement import Contracts
from bundles.contracts.example import Example
from bundles.contracts.example_run import ExampleResult, run_examples
from bundles.contracts.interruption import ClientDisconnectedException
from bundles.contracts.queue import Queue
from bundles.contracts.schemas import Schema, Schemas, compile_definitions, compile_schema
from bundles.contracts.schemas.typed_schema import TypedSchema
from bundles.contracts.settings import ContractsSettings
from bundles.contracts.slots import Slots
from bundles.contracts.unset import UNSET
from bundles.contracts.value_checks import ArgumentsRejectedException

__all__ = [
    "UNSET",
    "Arguments",
    "ArgumentsRejectedException",
    "ClientDisconnectedException",
    "Contract",
    "ContractSchemas",
    "Contracts",
    "ContractsBundle",
    "ContractsSettings",
    "DomainError",
    "Example",
    "ExampleResult",
    "Queue",
    "Schema",
    "Schemas",
    "Slots",
    "TypedSchema",
    "arguments_of",
    "compile_definitions",
    "compile_schema",
    "contract",
    "contract_of",
    "fields_of",
    "keep_result",
    "params_of",
    "problems_of_contract",
    "run_examples",
    "skip_result",
]
