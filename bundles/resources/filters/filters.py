"""Declares the values by which clients may filter and sort."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from bundles.resources.entities.mapped import mapper_of
from bundles.resources.filters.binding import Binding, Declared
from bundles.resources.filters.bound_filters import BoundFilters
from rxkernel import ConfigurationError

_DEFAULT_ALTERNATIVES = 10
_NO_FIELDS: Mapping[str, Any] = MappingProxyType({})


class Filters:
    """The filters of an entity: the operators of each filter, by the name that clients send.

    ``Filters(title=("$eq", "$in"), created=("$gte", "$lt"), sort=("created", "id"))``

    Clients cannot filter or sort by anything else. `bind` checks the filters at boot.

    Args:
        fields: filters whose names cannot be arguments: ``{"sort": ("$eq",)}``.
        sort: the names by which a client may sort: names of filters, or attributes of the entity.
        default_sort: the order for clients that send none, as a client would write it:
            ``"-created"``. Rows that are equal in this order are sorted by the primary key.
        any_of: whether ``$or`` is allowed, with up to ten alternatives; or their maximum number.
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
        """Return the filters for *entity*, a mapped class.

        Args:
            page: the number of rows of a page, for clients that send none.
            limit: the maximum of rows of a page; a larger number of a client is reduced to it.
            ignored: further parameters of the route, such as those of its path. Other parameters
                that are not filters are rejected.

        Raises:
            ConfigurationError: lists every error in the filters.
        """
        mapper = mapper_of(entity)
        binding = Binding(mapper)
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
