"""The private uses of blinker, attrs, msgspec and multidict."""

import attrs
import blinker
import msgspec
import msgspec.inspect
from attrs import validators
from multidict import CIMultiDict

from rxkernel.headers import Headers
from tests.private_uses.private_use import PrivateUse, require

_DISPATCHER = "events/dispatcher.py"
_HEADERS = "headers.py"
_TYPE_INFO = "routing/type_info.py"
_VALIDATORS = "kernel/binding/attrs_validators.py"
_RULES = "kernel/json_schemas/attrs_rules.py"
_OF_ERRORS_ONLY = ("options", "type", "_validators")
_OF_SCHEMAS_ONLY = ("match_func",)


def _check_order() -> None:
    """`send` of blinker calls the receivers that the override yields."""

    class Ordered(blinker.Signal):
        def receivers_for(self, sender: object) -> object:  # type: ignore[override]
            yield from (second, first)

    def first(_: object) -> int:
        return 1

    def second(_: object) -> int:
        return 2

    signal = Ordered()
    signal.connect(first, weak=False)
    require([result for _, result in signal.send(None)] == [2, 1])


def _check_text() -> None:
    try:
        msgspec.convert({"a": ["x"]}, dict[str, list[int]])
    except msgspec.ValidationError as exc:
        require(str(exc) == "Expected `int`, got `str` - at `$[...][0]`")
    else:
        require(False)


def _check_inherited_by_copies() -> None:
    """A copy that is a plain CIMultiDict would accept line breaks in values."""
    require(type(Headers().copy()) is Headers)


def _check_translator() -> None:
    """`translate` is called for each part of a type."""
    found: list[object] = []

    class Describer(msgspec.inspect._Translator):
        def translate(self, type_: object) -> object:
            found.append(type_)
            return super().translate(type_)  # type: ignore[no-untyped-call]

    describer = Describer((list[int],))  # type: ignore[no-untyped-call]
    info = describer.translate(list[int])
    require(found == [list[int], int])
    require(info == msgspec.inspect.type_info(list[int]))


def _check_text_of_unions() -> None:
    """The text by which an unsupported union is recognized."""
    try:
        msgspec.inspect.type_info(_Left | _Right)
    except TypeError as exc:
        require("may not contain more than one dataclass or attrs type" in str(exc))
    else:
        require(False)


@attrs.define
class _Left: ...


@attrs.define
class _Right: ...


def _rule(name: str, validator: object) -> PrivateUse:
    return PrivateUse(
        name=f"attr.validators.{name}",
        files=tuple(
            file
            for file, others in ((_VALIDATORS, _OF_SCHEMAS_ONLY), (_RULES, _OF_ERRORS_ONLY))
            if name not in others
        ),
        why="the rule of a validator, for the entries of errors and for JSON Schemas",
        spelled=(f"rule.{name}", f"validator.{name}"),
        check=lambda: getattr(validator, name),
    )


OTHERS = (
    PrivateUse(
        name="blinker.Signal.connect",
        files=(_DISPATCHER,),
        why="overridden: receivers have a priority",
        spelled=("super().connect",),
        parameters=("self", "receiver", "sender", "weak"),
    ),
    PrivateUse(
        name="blinker.Signal.disconnect",
        files=(_DISPATCHER,),
        why="overridden: receivers have a priority",
        spelled=("super().disconnect",),
        parameters=("self", "receiver", "sender"),
    ),
    PrivateUse(
        name="blinker.Signal.receivers_for",
        files=(_DISPATCHER,),
        why="overridden: the order of receivers",
        check=_check_order,
    ),
    PrivateUse(
        name="blinker.Signal.muted",
        files=(_DISPATCHER,),
        why="overridden: can be nested",
        parameters=("self",),
    ),
    PrivateUse(
        name="blinker.Signal.is_muted",
        files=(_DISPATCHER,),
        why="a muted signal has no active listeners",
        check=lambda: require(blinker.Signal().is_muted is False),
    ),
    _rule("bound", validators.ge(0)),
    _rule("compare_op", validators.ge(0)),
    _rule("options", validators.in_((1,))),
    _rule("type", validators.instance_of(int)),
    _rule("pattern", validators.matches_re("")),
    _rule("match_func", validators.matches_re("")),
    _rule("max_length", validators.max_len(1)),
    _rule("min_length", validators.min_len(1)),
    _rule("_validators", validators.and_()),
    _rule("validator", validators.optional(())),
    PrivateUse(
        name="msgspec.ValidationError.__str__",
        files=("messages/conversion_errors.py",),
        why="the place, the code and the parameters of an error are read from its text",
        spelled=(),
        check=_check_text,
    ),
    PrivateUse(
        name="msgspec.inspect._Translator",
        files=(_TYPE_INFO,),
        why="describes a type with a union of classes, which type_info rejects",
        check=_check_translator,
    ),
    PrivateUse(
        name="msgspec.inspect.type_info",
        files=(_TYPE_INFO,),
        why="the text of its TypeError shows that a union of classes is the reason",
        spelled=(),
        check=_check_text_of_unions,
    ),
    PrivateUse(
        name="multidict.CIMultiDict.copy",
        files=(_HEADERS,),
        why="returns the class that it is called on: the headers of a response stay checked",
        spelled=("Headers().copy",),
        check=_check_inherited_by_copies,
    ),
    PrivateUse(
        name="multidict.CIMultiDict.__contains__",
        files=("servers/http/pipeline.py",),
        why="None is not a key: there may be no header for request ids",
        spelled=(),
        check=lambda: require(None not in CIMultiDict(a="b")),
    ),
)
