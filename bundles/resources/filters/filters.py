"""Declares what clients may filter and sort by."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy.orm import Mapper

from bundles.resources.filters.bound_filters import BoundFilters
from bundles.resources.filters.conditions import BoundField
from bundles.resources.filters.field import Field
from bundles.resources.filters.operators import OPERATORS, Operator
from bundles.resources.filters.sorting import Order, SortKey
from bundles.resources.filters.targets import Target, mapper_of, target_at, target_of
from bundles.resources.filters.value_types import ValueType
from rxkernel import ConfigurationError
from rxkernel.nearest import nearest

_DEFAULT_ALTERNATIVES = 10
_NO_FIELDS: Mapping[str, Any] = MappingProxyType({})

Declared = str | tuple[str, ...] | list[str] | Field


class Filters:
    """The filters of an entity: the operators of each, by the name that clients send.

    ``Filters(title=("$eq", "$in"), created=("$gte", "$lt"), sort=("created", "id"))``

    Nothing else can be filtered or sorted by. `bind` checks them, at boot.

    Args:
        fields: filters whose names are not names of arguments: ``{"sort": ("$eq",)}``.
        sort: the names that a client may sort by: of filters, or of attributes of the entity.
        default_sort: the order for clients that ask for none, as they would write it:
            ``"-created"``. Rows that are equal in it, or all rows without it, are sorted by the
            primary key.
        any_of: allow ``$or``, with ten alternatives, or this number of them.
        named: filters by name.
    """

    def __init__(
        self,
        fields: Mapping[str, Declared] = _NO_FIELDS,
        /,
        *,
        sort: Iterable[str] = (),
        default_sort: str = "",
        any_of: bool | int = False,
        **named: Declared,
    ) -> None:
        self._fields = {**fields, **named}
        self._sort = (sort,) if isinstance(sort, str) else tuple(sort)
        self._default_sort = default_sort
        self._alternatives = _DEFAULT_ALTERNATIVES if any_of is True else int(any_of)

    def bind(
        self, entity: type[Any], *, page: int = 50, limit: int = 200, ignored: Iterable[str] = ()
    ) -> BoundFilters:
        """The filters for *entity*, a mapped class.

        Args:
            page: rows of a page for clients that ask for no number.
            limit: most rows of a page; a client that asks for more gets as many.
            ignored: further parameters of the route, such as those of its path. Any other one
                that is not a filter is rejected.

        Raises:
            ConfigurationError: with every problem of the filters.
        """
        mapper = mapper_of(entity)
        binding = _Binding(mapper)
        names = frozenset(ignored)
        fields = {
            name: field
            for name, declared in self._fields.items()
            if (field := binding.field(name, declared)) is not None
        }
        for name in sorted(names & self._fields.keys()):
            binding.problems.append(
                f"filter {name!r} has the name of another parameter of the route; rename one: "
                f"Filters(other=Field(…, path={name!r}))"
            )
        keys = {
            name: key
            for name in self._sort
            if (key := binding.sort_key(name, self._fields)) is not None
        }
        default = tuple(binding.default_order(self._default_sort, keys))
        ties = tuple(binding.tie_breakers(keys))
        if not 1 <= page <= limit:
            binding.problems.append(
                f"a page has {page} rows and at most {limit}; write page and limit with "
                f"1 <= page <= limit"
            )
        if binding.problems:
            name = entity.__qualname__
            raise ConfigurationError(*(f"filters of {name}: {each}" for each in binding.problems))
        return BoundFilters(fields, keys, default, ties, self._alternatives, page, limit, names)


class _Binding:
    """Looks up what filters name, and collects the problems."""

    def __init__(self, mapper: Mapper[Any]) -> None:
        self._mapper = mapper
        self.problems: list[str] = []
        self._found: dict[str, tuple[Target, ValueType]] = {}

    def field(self, name: str, declared: Declared) -> BoundField | None:
        given = _field_of(declared)
        if not name or set(name) & set("[]$"):
            self.problems.append(f"filter {name!r}: a name has no brackets and no dollar sign")
            return None
        found = self._target(name, given)
        if found is None:
            return None
        target, type_ = found
        operators = {}
        for client, operator in self._operators(name, given):
            if not operator.accepts(type_.base):
                self._reject(name, operator, type_, given)
            operators[client] = operator
        return BoundField(name, operators, target, type_, given.transform)

    def sort_key(self, name: str, fields: Mapping[str, Declared]) -> SortKey | None:
        given = _field_of(fields[name]) if name in fields else Field()
        found = self._target(name, Field(path=given.path, column=given.column))
        if found is None:
            return None
        target, type_ = found
        if target.is_many:
            self.problems.append(
                f"sort {name!r}: a row has several values of {given.path!r}; sort by a column of "
                f"the entity, or of a relation to one row"
            )
        if type_.wire is None:
            self.problems.append(
                f"sort {name!r}: rows cannot be sorted by a column of the type "
                f"{target.expression.type!r}; remove it"
            )
        return SortKey.of(name, target, type_)

    def default_order(self, text: str, keys: Mapping[str, SortKey]) -> Iterator[Order]:
        for word in filter(None, text.split(",")):
            name = word.strip().removeprefix("-")
            if name in keys:
                yield Order(keys[name], word.strip().startswith("-"))
            else:
                self.problems.append(
                    f"default_sort {name!r} is not a name of sort{_hint(name, keys)}"
                )

    def tie_breakers(self, keys: Mapping[str, SortKey]) -> Iterator[SortKey]:
        """The keys of the primary key; one that a client may sort by is the same key."""
        by_column = {id(key.target.expression): key for key in keys.values()}
        for column in self._mapper.primary_key:
            name = self._mapper.get_property_by_column(column).key
            target = target_at(self._mapper, name)
            type_ = ValueType.of(target.expression.type)
            if type_.wire is None:
                self.problems.append(
                    f"rows cannot be sorted by {name!r} of the primary key, which has the type "
                    f"{target.expression.type!r}"
                )
            yield by_column.get(id(target.expression)) or SortKey.of(name, target, type_)

    def _target(self, name: str, given: Field) -> tuple[Target, ValueType] | None:
        try:
            if given.column is not None:
                target = target_of(given.column, f"the column of {name!r}")
            else:
                target = target_at(self._mapper, given.path or name)
            return target, ValueType.of(target.expression.type, given.type)
        except (ConfigurationError, TypeError, NameError) as exc:
            self.problems.append(f"{name!r}: {exc}")
            return None

    def _operators(self, name: str, given: Field) -> Iterator[tuple[str, Operator]]:
        if not given.operators:
            self.problems.append(f"filter {name!r} has no operator; write {name}=('$eq',)")
        for client in given.rename:
            if client not in given.operators:
                self.problems.append(
                    f"filter {name!r} renames {client!r}, which it does not have; add it to its "
                    f"operators"
                )
        for client in given.operators:
            operator = OPERATORS.get(given.rename.get(client, client))
            if client in OPERATORS and operator is not None:
                yield client, operator
            else:
                wrong = client if client not in OPERATORS else given.rename[client]
                self.problems.append(
                    f"filter {name!r} has the operator {wrong!r}, which does not exist"
                    f"{_hint(wrong, OPERATORS)}; there are {', '.join(OPERATORS)}"
                )

    def _reject(self, name: str, operator: Operator, type_: ValueType, given: Field) -> None:
        if type_.wire is None and given.type is None:
            self.problems.append(
                f"filter {name!r}: it is not known what a client sends for {operator.name} of a "
                f"column of this type; write Field({operator.name!r}, type=str, transform=[…])"
            )
        else:
            self.problems.append(
                f"filter {name!r}: {operator.name} needs {operator.needs}, but the values are "
                f"{type_.base.__name__}; remove it"
            )


def _field_of(declared: Declared) -> Field:
    if isinstance(declared, Field):
        return declared
    return Field(declared) if isinstance(declared, str) else Field(*declared)


def _hint(name: str, names: Iterable[str]) -> str:
    meant = nearest(name, sorted(names))
    return f"; did you mean {meant!r}?" if meant else ""
