"""The parts of a type that have fields: classes, and unions, in which classes are told apart."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from rxkernel.kernel.binding.misfits import DOUBT, UNFIT, Misfits, at, said_by_class
from rxkernel.kernel.binding.nodes import ARRAYS, ATOMS, Items, Leaf, Node, Row, Table, made
from rxkernel.kernel.binding.strays import Strays
from rxkernel.messages.input_errors import (
    MISSING_INPUT,
    UNKNOWN_FIELD,
    ErrorEntry,
    below,
    kind_of,
    wrong_choice,
    wrong_length,
    wrong_type,
)


@attrs.frozen(eq=False)
class Field:
    """A field of a class; ``key`` is its name on the wire, ``argument`` the constructor's."""

    name: str
    key: str
    argument: str
    node: Node
    is_required: bool

    @property
    def takes_many(self) -> bool:
        """Whether several values of one name are all for it, as a form sends them."""
        node = self.node.array if isinstance(self.node, Choice) else self.node
        return isinstance(node, Items | Row)


@attrs.define(eq=False)
class Object:
    """A class with named fields: attrs, dataclass, `msgspec.Struct`, or a `TypedDict`.

    ``inputs`` are the fields that may be given, ``needed`` of which must be, ``outputs`` all of
    them. On the wire a Struct that ``is_array`` is its tag, if it has one, and its fields in
    their order.
    """

    cls: Any
    make: Callable[..., Any]
    tag_field: str | None
    tag: Any
    allow_unknown: bool
    by_hand: bool
    is_array: bool
    inputs: Mapping[str, Field] = attrs.field(factory=dict)
    outputs: tuple[Field, ...] = ()
    looks: bool = True
    looks_leniently: bool = True
    is_flat: bool = False
    title: str = "object"
    known: frozenset[str] = frozenset()
    needed: int = 0
    _closed: bool | None = None
    _strays: Strays | None = None
    _looking: list[list[tuple[str, Node]] | None] = attrs.field(factory=lambda: [None, None])

    def unclean(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        if self.is_array:
            return self._unclean_array(raw, lenient)
        is_bare = len(raw) == self.needed  # which are all there, or msgspec had not converted it
        if not (is_bare or self.allow_unknown or self.known.issuperset(raw)):
            unknown = next(key for key in raw if key not in self.known)
            return UNKNOWN_FIELD.at(below("", unknown))
        if (looking := self._looking[lenient]) is None:
            looking = self._looking[lenient] = self._looking_nodes(lenient)
        for key, node in looking:
            if key in raw and (found := node.unclean(raw[key], lenient)) is not None:
                return at(f".{key}", found)
        return None

    def _unclean_array(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        first = int(self.tag_field is not None)
        if not self.allow_unknown and len(raw) > self._longest:
            return wrong_length("array", len(raw), longest=self._longest)
        for place, (field, each) in enumerate(zip(self.outputs, raw[first:], strict=False), first):
            if (found := field.node.unclean(each, lenient)) is not None:
                return at(f"[{place}]", found)
        return None

    @property
    def _longest(self) -> int:
        return len(self.outputs) + int(self.tag_field is not None)

    def _looking_nodes(self, lenient: bool) -> list[tuple[str, Node]]:
        nodes = [(key, field.node) for key, field in self.inputs.items()]
        return [(k, n) for k, n in nodes if (n.looks_leniently if lenient else n.looks)]

    def build(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        if self.is_array:
            return self._build_array(raw, path, misfits, lenient)
        if not isinstance(raw, dict):
            return misfits.add(path, wrong_type("object", kind_of(raw)))
        built, fits = {}, True
        for key, field in self.inputs.items():
            if key in raw:
                value = made(field.node, raw[key], f"{path}.{key}", misfits, lenient)
                fits = fits and value is not UNFIT
                built[field.argument] = value
            elif field.is_required:
                misfits.add(f"{path}.{key}", MISSING_INPUT)
                fits = False
        if self.tag_field in raw and raw[self.tag_field] != self.tag:
            misfits.add(f"{path}.{self.tag_field}", wrong_choice([self.tag]))
            fits = False
        if not self.allow_unknown:
            for key in raw:
                if key not in self.known:
                    misfits.add(below(path, key), UNKNOWN_FIELD)
                    fits = False
                if misfits.is_full:
                    break
        return self._make(built, path, misfits) if fits else UNFIT

    def _build_array(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        if not isinstance(raw, ARRAYS):
            return misfits.add(path, wrong_type("array", kind_of(raw)))
        if not self.allow_unknown and (
            broken := wrong_length("array", len(raw), longest=self._longest)
        ):
            return misfits.add(path, broken)
        parts, first = list(raw), int(self.tag_field is not None)
        if first and parts[:1] != [self.tag]:
            return misfits.add(f"{path}[0]", wrong_choice([self.tag]))
        built, fits = {}, True
        for place, field in enumerate(self.outputs, first):
            if place < len(parts):
                value = made(field.node, parts[place], f"{path}[{place}]", misfits, lenient)
                fits = fits and value is not UNFIT
                built[field.argument] = value
            elif field.is_required:
                misfits.add(f"{path}[{place}]", MISSING_INPUT)
                fits = False
        return self._make(built, path, misfits) if fits else UNFIT

    def _make(self, built: dict[str, Any], path: str, misfits: Misfits) -> Any:
        try:
            return self.make(**built)
        except (TypeError, ValueError) as exc:
            name, entry = said_by_class(exc, self.cls)
            keys = {field.name: key for key, field in self.inputs.items()}
            return misfits.add(f"{path}.{keys[name]}" if name in keys else path, entry)

    @property
    def in_c(self) -> Any:
        return None if self.by_hand else self.make

    @property
    def is_closed(self) -> bool:
        """Whether an instance, not of a subclass, can hold nothing but what is declared."""
        if self._closed is None:
            is_flat = all(field.node.is_flat for field in self.outputs)
            self._closed = is_flat and not self.strays.are_possible
        return self._closed

    @property
    def strays(self) -> Strays:
        """What an instance may hold besides what is declared."""
        if self._strays is None:
            self._strays = Strays(self.cls, frozenset(field.name for field in self.outputs))
        return self._strays

    def opened(self, value: Any) -> Any:
        is_ours = type(value) is self.cls
        if is_ours and self.is_closed:
            return value
        if isinstance(value, Mapping):
            parts = _parts_of_mapping(self.outputs, value)
        elif isinstance(value, ATOMS + ARRAYS) or value is None:
            return value
        else:
            parts = {f.key: getattr(value, f.name) for f in self.outputs if hasattr(value, f.name)}
        opened = {f.key: f.node.opened(parts[f.key]) for f in self.outputs if f.key in parts}
        is_same = is_ours and all(opened[key] is parts[key] for key in opened)
        if is_same and not (self.strays.are_possible and self.strays.are_in(value)):
            return value
        if self.is_array:
            return ([] if self.tag_field is None else [self.tag]) + list(opened.values())
        return opened if self.tag_field is None else {self.tag_field: self.tag, **opened}


def _parts_of_mapping(fields: tuple[Field, ...], value: Mapping[str, Any]) -> dict[str, Any]:
    """By their names on the wire; *value* may have them, or those of the fields."""
    keys = {f.key: f.key if f.key in value else f.name for f in fields}
    return {key: value[name] for key, name in keys.items() if name in value}


@attrs.define(eq=False)
class Choice:
    """A union. On the wire the alternatives differ by their JSON type, classes by their tag."""

    leaf: Leaf | None
    arrays: tuple[Node, ...]
    table: Node | None
    objects: tuple[Object, ...]
    is_optional: bool
    looks: bool
    looks_leniently: bool
    is_flat: bool
    by_hand: bool
    in_c: Any = None

    @property
    def array(self) -> Node | None:
        """The alternative for an array; the first, where their tags tell several apart."""
        return self.arrays[0] if self.arrays else None

    @property
    def title(self) -> str:
        parts = (self.leaf, self.array, self.table, *self.objects[:1])
        titles = [part.title for part in parts if part is not None]
        return " | ".join(titles + ["null"] * self.is_optional)

    def _pick(self, raw: Any) -> Node | None:
        if isinstance(raw, dict):
            if len(self.objects) > 1:
                return next((o for o in self.objects if raw.get(_tag_of(o)) == o.tag), None)
            return self.objects[0] if self.objects else self.table
        return self._pick_array(raw) if isinstance(raw, ARRAYS) else self.leaf

    def _pick_array(self, raw: Any) -> Node | None:
        tag = next(iter(raw), None)
        tagged = (a for a in self.arrays if isinstance(a, Object) and a.tag == tag)
        return next(tagged, self.array) if len(self.arrays) > 1 else self.array

    def unclean(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        if raw is None:
            return None
        if lenient and self.is_optional and isinstance(raw, str) and raw.lower() == "null":
            return DOUBT  # None for msgspec; a client that means None leaves it out
        node = self._pick(raw)
        return None if node is None else node.unclean(raw, lenient)

    def build(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        if raw is None and self.is_optional:
            return None
        if (node := self._pick(raw)) is not None:
            return made(node, raw, path, misfits, lenient)
        if isinstance(raw, dict) and self.objects:
            tag_field = _tag_of(self.objects[0])
            is_given = tag_field in raw
            entry = wrong_choice(o.tag for o in self.objects) if is_given else MISSING_INPUT
            return misfits.add(f"{path}.{tag_field}", entry)
        return misfits.add(path, wrong_type(self.title, kind_of(raw)))

    def opened(self, value: Any) -> Any:
        node = self._pick_instance(value)
        return value if node is None else node.opened(value)

    def _pick_instance(self, value: Any) -> Node | None:
        if value is None or isinstance(value, ATOMS):
            return None
        if isinstance(value, Mapping):
            return self._pick(dict(value))
        for cls in type(value).__mro__:
            for alternative in (*self.objects, *self.arrays):
                if isinstance(alternative, Object) and alternative.cls is cls:
                    return alternative
        if isinstance(self.array, Object) or isinstance(value, Iterable):
            return self.array
        return self.objects[0] if len(self.objects) == 1 else None


def _tag_of(alternative: Object) -> str:
    return alternative.tag_field or ""


def parts_of(node: Node) -> Iterator[Node]:
    """What *node* is made of and looks into: fields, items, values, the alternatives of a union
    but its leaf."""
    if isinstance(node, Object):
        yield from (field.node for field in node.outputs)
    elif isinstance(node, Choice):
        yield from (n for n in (*node.arrays, node.table, *node.objects) if n is not None)
    elif isinstance(node, Items | Table):
        yield node.item if isinstance(node, Items) else node.value
    elif isinstance(node, Row):
        yield from node.items
