"""Resolves the bundles of `Application(bundles=…)`, in the order in which they are set up.

A name is the name of an installed bundle. Installed bundles are not enabled automatically.
"""

from collections.abc import Sequence
from inspect import getattr_static

from rxkernel.application.bundle import Bundle
from rxkernel.application.bundle_loading import load
from rxkernel.application.bundle_order import in_order
from rxkernel.application.bundle_rules import BundleOrClass, check_bundle, clashes
from rxkernel.application.entry_points import GROUP, entries
from rxkernel.exceptions import ConfigurationError

BundleRef = str | Bundle | type[Bundle]


def resolve_bundles(given: Sequence[BundleRef]) -> list[BundleOrClass]:
    """Load the bundles that are names, and order every bundle after those of its ``requires`` and
    ``after``; otherwise the order of *given* is kept.

    Raises:
        ConfigurationError: with every problem: a bundle that is not installed, cannot be
            imported, has an attribute of a wrong type or is enabled twice; a required bundle that
            is missing; a cycle in the order.
    """
    among = entries(GROUP) if any(isinstance(item, str) for item in given) else ()
    errors: list[ConfigurationError] = []
    found: dict[str, BundleOrClass] = {}
    failed: set[str] = set()
    for item in given:
        try:
            bundle = load(item, among) if isinstance(item, str) else item
            check_bundle(bundle)
            if bundle.name in found:
                raise ConfigurationError(f"bundle {bundle.name!r} is enabled twice; remove one")
            found[bundle.name] = bundle
        except ConfigurationError as error:
            errors.append(error)
            failed.add(item if isinstance(item, str) else str(getattr_static(item, "name", "")))
    if together := tuple(clashes(found.values())):
        errors.append(ConfigurationError(*together))
    ordered: list[BundleOrClass] = []
    try:
        ordered = in_order(found, failed)
    except ConfigurationError as error:
        errors.append(error)
    if errors:
        raise ConfigurationError.merge(errors) from errors[0]
    return ordered
