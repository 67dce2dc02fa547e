"""Where a part of a schema is written, for errors at boot."""

import attrs


@attrs.frozen
class Place:
    """``schema`` is a name, or what the notation is for; ``path`` is below it."""

    schema: str
    path: str = ""
    is_named: bool = True

    def field(self, name: str) -> "Place":
        return attrs.evolve(self, path=f"{self.path}.{name}" if self.path else name)

    def item(self, index: int | None = None) -> "Place":
        shown = "" if index is None else index
        return attrs.evolve(self, path=f"{self.path}[{shown}]")

    def __str__(self) -> str:
        schema = f"schema {self.schema!r}" if self.is_named else self.schema
        return f"{schema}, {self.path!r}" if self.path else schema
