"""`Resource`: routes over both transports for the rows of one table."""

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import attrs

from bundles.resources.filters import Filters
from bundles.resources.operations.operation import Operation
from bundles.resources.operations.row_rules import RowRules

E = TypeVar("E")


@attrs.frozen
class ResourceLabel:
    """The class arguments of a `Resource`: ``class Tasks(Resource[Task], path=…)``."""

    path: str | None = None
    name: str | None = None
    namespace: str = "/"


class Resource(RowRules[E]):
    """A controller whose routes are its `operations`.

    ``class TaskResource(Resource[Task], path="/tasks", name="task")``; the argument *namespace* is
    the namespace of its events. The injector builds it, so its constructor may have ``@inject``. A
    method ``async def pre_create(self, event)`` or ``post_create`` is called with an
    `OperationEvent` before or after the operation ``create`` is executed.

    Attributes:
        operations: its operations, such as ``[List(), Get(), Create(NewTask)]``.
        view: the class of responses: an attrs class, a dataclass or a Struct. Its fields are
            attributes of the entity; only these are sent.
        filters: the filters and sort keys of `List`.
        key: the name of the unique column for ``{id}`` in paths; None: the primary key.
    """

    operations: ClassVar[Sequence[Operation]] = ()
    view: ClassVar[Any] = None
    filters: ClassVar[Filters] = Filters()
    key: ClassVar[str | None] = None

    resource_label: ClassVar[ResourceLabel] = ResourceLabel()
    apidocs_tag: ClassVar[str] = ""

    def __init_subclass__(
        cls,
        *,
        path: str | None = None,
        name: str | None = None,
        namespace: str | None = None,
        **others: Any,
    ) -> None:
        super().__init_subclass__(**others)
        cls.apidocs_tag = cls.__name__.removesuffix("Resource") or cls.__name__
        inherited = cls.resource_label
        cls.resource_label = ResourceLabel(
            inherited.path if path is None else path,
            inherited.name if name is None else name,
            inherited.namespace if namespace is None else namespace,
        )
