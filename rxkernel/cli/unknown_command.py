"""Explains an unknown command: a typing error, or the command of a bundle that is not enabled."""

from collections.abc import Sequence

from rxkernel.application.bundle_loading import load
from rxkernel.application.bundle_rules import check_bundle
from rxkernel.application.entry_points import installed
from rxkernel.exceptions import ConfigurationError
from rxkernel.nearest import nearest


def explain_unknown(name: str, known: Sequence[str], application: str) -> str:
    """Return a hint for the unknown command *name*; *known* are the commands of *application*.

    The installed bundles are imported to read their commands. A bundle that cannot be enabled is
    skipped, unless it has the name of the command: then the hint is how to fix that.
    """
    owners: dict[str | None, str] = {}
    for bundle in installed():
        try:
            check_bundle(loaded := load(bundle))
        except ConfigurationError as error:
            if bundle == name:
                return "; ".join(error.problems)
        else:
            owners |= {command.name: bundle for command in loaded.commands}
    others = [each for each in owners if each is not None and each not in known]
    near = name if name in others else nearest(name, (*known, *others))
    if near in others:
        return (
            f"{near!r} is a command of the bundle {owners[near]!r}, which {application} does not "
            f"enable: Application(bundles=[{owners[near]!r}])"
        )
    return f"did you mean {near!r}?" if near else f"{application} has: {', '.join(known)}"
