"""The state that all loads of one application share."""

from collections.abc import Callable, Iterable, Mapping

import attrs

from bundles.autoload.loading.load import ValueOf
from bundles.autoload.loading.lost_state import LostState
from bundles.autoload.loading.scope import Runtime
from bundles.autoload.loading.snapshot import Snapshot
from bundles.autoload.loading.started_tasks import StartedTasks
from bundles.autoload.loading.sys_modules import SysModules
from bundles.autoload.remote import BusEnvironment
from bundles.autoload.settings import AutoloadSettings
from bundles.autoload.setup.setup_scripts import SetupScripts


@attrs.frozen(eq=False)
class LoadContext:
    """The state that all loads of one application share, between boot and stop.

    Attributes:
        sys_modules: its entries in ``sys.modules``.
        values: functions that convert files to values, by place.
        bus: the parts of the application that remote services use.
        problems_of: yields the errors in the endpoints of a snapshot.
        setup: runs the scripts of the place ``setup`` at boot.
        lost: logs the files whose values a reload loses.
        tasks: logs the tasks of start hooks that continue after the stop hook.
    """

    runtime: Runtime
    settings: AutoloadSettings
    sys_modules: SysModules
    values: Mapping[str, ValueOf]
    bus: BusEnvironment
    problems_of: Callable[[Snapshot], Iterable[str]]
    setup: SetupScripts
    lost: LostState = attrs.field(factory=LostState)
    tasks: StartedTasks = attrs.field(factory=StartedTasks)
