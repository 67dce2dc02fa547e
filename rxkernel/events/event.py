"""The base class of all events."""

import attrs


@attrs.define(eq=False)
class Event:
    """Base of every event. Stopping is one-way: a stopped event reaches no further listener."""

    propagation_stopped: bool = attrs.field(default=False, init=False)

    def stop_propagation(self) -> None:
        """Skip the listeners after the current one."""
        self.propagation_stopped = True
