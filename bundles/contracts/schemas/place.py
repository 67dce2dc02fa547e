"""The place of a part of a schema, for errors at boot."""

import attrs


@attrs.frozen
class Place:
    """``schema`` is the name of a schema, or the use of a notation; ``path`` is the path in it."""

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
