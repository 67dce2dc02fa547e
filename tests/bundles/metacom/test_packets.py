"""A packet that is decoded in one step has the same result as step by step."""

import pytest

from bundles.metacom.packets import Call, id_of, read_call, read_packet, read_valid_call
from rxkernel import BadRequestException

CALL = '{"type":"call","id":%s,"method":"unit/method","args":%s}'


@pytest.mark.parametrize("id", ["1", "-1", "1.5", '"x"', '"\\u00e9"', "123456789012345678"])
@pytest.mark.parametrize("args", ["{}", "[]", '{"a":[1,{"b":null}]}', '{"a":1,"a":2}'])
def test_valid_call_read_in_one_step_equals_the_packet(id: str, args: str) -> None:
    text = CALL % (id, args)
    call = read_valid_call(text)
    packet = read_packet(text)
    assert call is not None
    assert [call.id, call.method, call.args] == [packet["id"], packet["method"], packet["args"]]
    assert type(call.id) is type(packet["id"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "[]",
        "{}",
        '{"type":"call","id":1,"method":"unit/method"}',
        '{"id":1,"method":"unit/method","args":{}}',
        '{"type":"stream","id":1,"method":"unit/method","args":{}}',
        '{"type":"call","id":1,"method":"","args":{}}',
        '{"type":"call","id":1,"method":2,"args":{}}',
        *(CALL % (id, "{}") for id in ("0", "0.0", '""', "null", "true", "[1]", "1e999")),
        *(CALL % ("1", args) for args in ("null", "1", '"x"', '{"a":')),
        CALL % ("1", "[" * 100 + "]" * 100),
        CALL % ("1", '"\ud800"'),
    ],
)
def test_other_packet_is_not_read_in_one_step(text: str) -> None:
    assert read_valid_call(text) is None


def test_call_without_args_is_read_step_by_step() -> None:
    packet = read_packet('{"type":"call","id":1,"method":"unit/method"}')
    id = id_of(packet)
    assert id is not None
    call = read_call(packet, id)
    assert isinstance(call, Call)
    assert call.args == {}


def test_deeply_nested_call_is_rejected() -> None:
    text = CALL % ("1", "[" * 100 + "]" * 100)
    assert read_valid_call(text) is None
    with pytest.raises(BadRequestException):
        read_packet(text)
