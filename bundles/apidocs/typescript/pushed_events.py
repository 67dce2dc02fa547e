"""The events that the server sends, as types and as a table."""

from collections.abc import Iterator, Sequence

from bundles.apidocs.typescript.schema_types import SchemaTypes, union_of
from bundles.apidocs.typescript.socket_operations import PushedEvent
from bundles.apidocs.typescript.source_text import comment, literal, object_key, property_name


class PushedEvents:
    """The pushed events. An event of several actions has the types of all of them."""

    def __init__(self, events: Sequence[PushedEvent], types: SchemaTypes) -> None:
        self._types = types
        self._by_key: dict[str, list[PushedEvent]] = {}
        for event in sorted(events, key=lambda each: each.key):
            self._by_key.setdefault(event.key, []).append(event)

    def declarations(self) -> Iterator[str]:
        yield (
            "/** The events that the server sends, with their argument: see `Client.on`. */\n"
            f"export interface PushedEvents {{\n{''.join(map(self._member, self._by_key))}}}\n"
        )
        if self.takes_params:
            yield self._params()

    @property
    def takes_params(self) -> bool:
        """Whether one of the events is in a namespace with parameters."""
        return any(events[0].params for events in self._by_key.values())

    def routes(self) -> str:
        lines = "".join(
            f"  {object_key(key)}: {{ namespace: {literal(events[0].route.namespace)}, "
            f"event: {literal(events[0].route.event)} }},\n"
            for key, events in self._by_key.items()
        )
        kind = "Record<keyof PushedEvents, SocketRoute>"
        return f"const pushedEvents: {kind} = {{\n{lines}}};\n"

    def _member(self, key: str) -> str:
        events = self._by_key[key]
        text = next((event.summary for event in events if event.summary), "")
        is_deprecated = all(event.is_deprecated for event in events)
        types = union_of(
            [
                "undefined" if event.payload is None else self._types.text(event.payload, "  ")
                for event in events
            ]
        )
        above = comment(text, deprecated=is_deprecated, indent="  ")
        return f"{above}  {property_name(key)}: {types};\n"

    def _params(self) -> str:
        choices = []
        for key, events in self._by_key.items():
            if params := events[0].params:
                members = "; ".join(
                    f"{property_name(field.name)}: {self._types.text(field.schema)}"
                    for field in params
                )
                choices.append(f"E extends {literal(key)}\n    ? [params: {{ {members} }}]\n")
        return (
            "/** The parameters of the namespace of an event, where it has some. */\n"
            "export type PushedEventParams<E extends keyof PushedEvents> =\n  "
            + "".join(f"{choice}    : " for choice in choices)
            + "[];\n"
        )
