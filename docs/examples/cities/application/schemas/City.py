import attrs


@attrs.frozen
class City:
    name: str
    area: int
