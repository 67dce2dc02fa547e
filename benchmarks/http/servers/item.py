"""The body of ``POST /items`` in msgspec, for frameworks without validation."""

import msgspec


class Address(msgspec.Struct):
    street: str
    city: str
    code: str


class Item(msgspec.Struct):
    id: int
    name: str
    email: str
    is_active: bool
    score: float
    tags: list[str]
    address: Address


decode_item = msgspec.json.Decoder(Item).decode
encode = msgspec.json.Encoder().encode
