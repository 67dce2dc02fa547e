"""What is handed from listener to listener."""

import attrs


@attrs.define(eq=False)
class Event:
    """Base of every event. Stopping is one-way: a stopped event reaches no further listener."""

    propagation_stopped: bool = attrs.field(default=False, init=False)

    def stop_propagation(self) -> None:
        """Let no listener after this one run."""
        self.propagation_stopped = True
