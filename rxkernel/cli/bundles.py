"""``rxkernel bundles``: lists installed and enabled bundles."""

from typing import Any

import click

from rxkernel.application.bundle_loading import load
from rxkernel.application.bundle_resolution import resolve_bundles
from rxkernel.application.bundle_rules import BundleOrClass, check_bundle
from rxkernel.application.entry_points import installed
from rxkernel.cli.listing import print_json, print_table
from rxkernel.cli.locate import TargetMissingError, locate
from rxkernel.cli.options import debug_option, json_option, target_argument
from rxkernel.cli.report import report
from rxkernel.events.dispatcher import describe
from rxkernel.exceptions import ConfigurationError


@click.command
@target_argument
@json_option
@debug_option
def bundles(target: str | None, as_json: bool) -> None:
    """List the bundles, enabled or installed.

    The bundles that the application enables come first, in the order in which they are set up,
    then the other installed bundles. Without an application, all installed bundles are listed.
    Installed bundles are imported. A bundle that cannot be enabled is "broken", and the reason is
    printed below.
    """
    listed = _list(target)
    if as_json:
        print_json(listed)
        return
    rows = [
        (
            bundle["name"],
            "enabled" if bundle["enabled"] else "broken" if bundle["problems"] else "installed",
            bundle["place"],
            ", ".join(bundle["requires"]),
            ", ".join(bundle["after"]),
        )
        for bundle in listed
    ]
    print_table(("NAME", "STATE", "CLASS", "REQUIRES", "AFTER"), rows, "No bundles.")
    for bundle in listed:
        if bundle["problems"]:
            report(ConfigurationError(*bundle["problems"]))


def _list(target: str | None) -> list[dict[str, Any]]:
    listed = _enabled(target)
    known = installed()
    for bundle in listed:
        bundle["installed"] = bundle["name"] in known
    enabled = {bundle["name"] for bundle in listed}
    for name, entry in known.items():
        if name not in enabled:
            listed.append(_installed(name, entry.value.replace(":", ".")))
    return listed


def _enabled(target: str | None) -> list[dict[str, Any]]:
    try:
        application = locate(target)
    except TargetMissingError:
        if target is not None:
            raise
        return []
    return [
        _row(
            bundle.name,
            describe(bundle if isinstance(bundle, type) else type(bundle)),
            enabled=True,
        )
        | _order(bundle)
        for bundle in resolve_bundles(application.bundles)
    ]


def _installed(name: str, place: str) -> dict[str, Any]:
    row = _row(name, place, enabled=False) | {"installed": True}
    try:
        check_bundle(bundle := load(name))
    except ConfigurationError as error:
        return row | {"problems": list(error.problems)}
    return row | _order(bundle)


def _order(bundle: BundleOrClass) -> dict[str, list[str]]:
    return {"requires": list(bundle.requires), "after": list(bundle.after)}


def _row(name: str, place: str, *, enabled: bool) -> dict[str, Any]:
    return {
        "name": name,
        "enabled": enabled,
        "installed": False,
        "place": place,
        "requires": [],
        "after": [],
        "problems": [],
    }
