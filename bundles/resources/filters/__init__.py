"""Filters that clients send: a typed grammar, and its SQL."""

from bundles.resources.filters.bound_filters import BoundFilters
from bundles.resources.filters.field import Field
from bundles.resources.filters.filter_query import FilterQuery
from bundles.resources.filters.filters import Filters

__all__ = ["BoundFilters", "Field", "FilterQuery", "Filters"]
