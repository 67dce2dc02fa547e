"""``rxkernel bundles``: which are installed, and which the application enables."""

from typing import Any

import click

from rxkernel.application.discovery import installed, resolve
from rxkernel.cli.listing import print_json, print_table
from rxkernel.cli.locate import TargetMissingError, locate
from rxkernel.cli.options import debug_option, json_option, target_argument
from rxkernel.events.dispatcher import describe


@click.command
@target_argument
@json_option
@debug_option
def bundles(target: str | None, as_json: bool) -> None:
    """List the bundles, enabled or installed.

    First those that the application enables, in the order they are set up. Where there is
    no application, those that are installed.
    """
    listed = _list(target)
    if as_json:
        print_json(listed)
        return
    rows = [
        (
            bundle["name"],
            "enabled" if bundle["enabled"] else "installed",
            bundle["place"],
            ", ".join(bundle["requires"]),
        )
        for bundle in listed
    ]
    print_table(("NAME", "STATE", "CLASS", "REQUIRES"), rows, "No bundles.")


def _list(target: str | None) -> list[dict[str, Any]]:
    listed = _enabled(target)
    known = installed()
    for bundle in listed:
        bundle["installed"] = bundle["name"] in known
    enabled = {bundle["name"] for bundle in listed}
    for name, entry in known.items():
        if name not in enabled:
            place = entry.value.replace(":", ".")
            listed.append(_row(name, place, enabled=False) | {"installed": True})
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
        | {"requires": list(bundle.requires)}
        for bundle in resolve(application.bundles)
    ]


def _row(name: str, place: str, *, enabled: bool) -> dict[str, Any]:
    """``requires`` is empty where the bundle is not enabled: it is not imported to be asked."""
    return {
        "name": name,
        "enabled": enabled,
        "installed": False,
        "place": place,
        "requires": [],
    }
