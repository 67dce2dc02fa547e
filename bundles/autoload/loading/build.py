"""The next snapshot, from its load to the moment when messages read it."""

from types import ModuleType

import attrs

from bundles.autoload.loading.hooks import Hook, HookUnit
from bundles.autoload.loading.module_file import ModuleFile
from bundles.autoload.loading.scope import Scope
from bundles.autoload.loading.snapshot import Snapshot


@attrs.frozen(eq=False)
class Migration:
    """A call of ``migrate`` that is left: *hook* with the module of before."""

    hook: Hook
    old: ModuleType


@attrs.frozen(eq=False)
class Build:
    """A snapshot that is loaded and whose start hooks have run, but that no message reads yet.

    Attributes:
        previous: the snapshot that it replaces; None at boot.
        changed: the keys of the files that are new, gone or changed.
        started: the hooks that were started for it.
        migrations: the calls that are made directly before messages read it.
        lost: the files of *previous* that are replaced without one.
        retired: the hooks of *previous* to stop once messages read this snapshot.
        scope: the scope of its hooks. The tasks that they have started read this snapshot.
    """

    snapshot: Snapshot
    previous: Snapshot | None
    changed: frozenset[str]
    started: tuple[HookUnit, ...]
    migrations: tuple[Migration, ...]
    lost: tuple[ModuleFile, ...]
    retired: tuple[HookUnit, ...]
    scope: Scope
