"""`BundleOption`: the key of an option that has an effect only with its bundle."""

from collections.abc import Collection
from typing import Any, Self


class BundleOption(str):
    """A key for `@option` that only a bundle may declare, in ``Bundle.options``.

    Without the bundle, a route with this key is an error at boot, even if the application declares
    the key. A class of values may have it as ``bundle_option``: then a plain key with such a value
    is checked too.

    Args:
        key: the key.
        bundle: the name of the bundle.
        item: the item of ``Application(bundles=[item])`` that enables it, for the error.
    """

    bundle: str
    item: str

    def __new__(cls, key: str, bundle: str, item: str) -> Self:
        self = super().__new__(cls, key)
        self.bundle = bundle
        self.item = item
        return self


def without_bundle(option: BundleOption, place: str) -> str:
    """Return the problem that *option* at *place* needs a bundle that is not enabled."""
    return (
        f"option {str(option)!r} of {place} has no effect without the bundle {option.bundle}; "
        f"enable it: Application(bundles=[{option.item}])"
    )


def bundle_option_of(cls: Any) -> BundleOption | None:
    """The ``bundle_option`` of *cls*, a class of values; None without one."""
    found = getattr(cls, "bundle_option", None)
    return found if isinstance(found, BundleOption) else None


def missing_bundle(key: str, value: Any, declared: Collection[str]) -> BundleOption | None:
    """Return the `BundleOption` of *key* or *value* if it is not among *declared*; else None."""
    found = key if isinstance(key, BundleOption) else bundle_option_of(type(value))
    if found is None:
        return None
    is_enabled = any(one == found for one in declared if isinstance(one, BundleOption))
    return None if is_enabled else found
