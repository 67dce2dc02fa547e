"""`BundleOption`: the key of an option that has an effect only with its bundle."""

from collections.abc import Collection
from typing import Any, Self


class BundleOption(str):
    """A key for `@option` which only a bundle may declare, in ``Bundle.options``.

    Without the bundle, a route with this key is an error at boot, also if the application declares
    the key. A class of values may have it as ``bundle_option``: then a plain key with such a value
    is checked too.

    Args:
        key: the key.
        bundle: the name of the bundle.
        item: what enables it, for the error: ``Application(bundles=[item])``.
    """

    bundle: str
    item: str

    def __new__(cls, key: str, bundle: str, item: str) -> Self:
        self = super().__new__(cls, key)
        self.bundle = bundle
        self.item = item
        return self


def without_bundle(option: BundleOption, place: str) -> str:
    """The problem that the bundle of *option* at *place* is not enabled, and the fix."""
    return (
        f"option {str(option)!r} of {place} has no effect without the bundle {option.bundle}; "
        f"enable it: Application(bundles=[{option.item}])"
    )


def bundle_option_of(cls: Any) -> BundleOption | None:
    """The ``bundle_option`` of *cls*, a class of values; None without one."""
    found = getattr(cls, "bundle_option", None)
    return found if isinstance(found, BundleOption) else None


def missing_bundle(key: str, value: Any, declared: Collection[str]) -> BundleOption | None:
    """The `BundleOption` of the option, if none of *declared* is it; None for another option."""
    found = key if isinstance(key, BundleOption) else bundle_option_of(type(value))
    if found is None:
        return None
    is_enabled = any(one == found for one in declared if isinstance(one, BundleOption))
    return None if is_enabled else found
