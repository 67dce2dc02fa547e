"""The next snapshot, from its load until messages read it."""

from types import ModuleType

import attrs

from bundles.autoload.loading.hooks import Hook, HookUnit
from bundles.autoload.loading.module_file import ModuleFile
from bundles.autoload.loading.scope import Scope
from bundles.autoload.loading.snapshot import Snapshot


@attrs.frozen(eq=False)
class Migration:
    """A pending call of ``migrate``: *hook* with the previous module."""

    hook: Hook
    old: ModuleType


@attrs.frozen(eq=False)
class Build:
    """A snapshot that is loaded and whose start hooks have run, but that no message reads yet.

    Attributes:
        previous: the snapshot that it replaces; None at boot.
        changed: the keys of new, removed and changed files.
        started: the hooks that were started for it.
        migrations: the calls to make directly before messages read it.
        lost: the files of *previous* that are replaced without ``migrate``.
        retired: the hooks of *previous* to stop when messages read this snapshot.
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
