"""JSON-RPC: strict reading, complete errors, and nothing executed that could not be answered."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.jsonrpc import (
    Answer,
    Call,
    ErrorNumber,
    Failure,
    Notification,
    invalid,
    read,
    read_answer,
    write_failure,
    write_request,
    write_result,
)
from drivers.problems import MAX_PROBLEMS, Problem
from drivers.strictjson import BadJson


def message(**changes: Any) -> bytes:
    whole = {"jsonrpc": "2.0", "id": 1, "method": "agent.status", "params": {}, **changes}
    return json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()


def failure(payload: bytes) -> Failure:
    found = read(payload)
    assert isinstance(found, Failure)
    return found


@pytest.mark.parametrize("call_id", [1, 0, -5, "a", "x" * 128])
def test_a_call(call_id: int | str) -> None:
    """Whole numbers and texts are ids; parameters keep exact numbers."""
    found = read(message(id=call_id, params={"a": 1}))
    assert found == Call(call_id, "agent.status", {"a": 1})
    assert read(b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"price":40.1}}') == Call(1, "m", {"price": Decimal("40.1")})


def test_params_may_be_left_out() -> None:
    """A method without parameters needs none."""
    assert read(message(params=...)) == Call(1, "agent.status", {})


def test_a_byte_order_mark_before_it_is_passed_over() -> None:
    """Also where no line ends a message, as in the frames of a serial port."""
    assert isinstance(read(b"\xef\xbb\xbf" + message()), Call)


def test_a_call_does_not_show_its_params() -> None:
    """A call in a log gives no secret away."""
    assert "SECRET" not in repr(read(message(params={"token": "SECRET"})))


def test_a_notification_is_recognised_and_not_a_call() -> None:
    """Without an id nothing could be answered: it is named for the log, whatever its parameters are."""
    assert read(message(id=...)) == Notification("agent.status")
    assert read(message(id=..., params=[1])) == Notification("agent.status")


@pytest.mark.parametrize("call_id", [None, True, 1.5, "", "x" * 129, [1], {}])
def test_other_ids_are_refused(call_id: object) -> None:
    """An id that could not be matched is an invalid request; null most of all, it is the id of errors about no request."""
    found = failure(message(id=call_id))
    assert (found.id, found.number) == (None, ErrorNumber.NOT_A_REQUEST)
    assert found.data["details"][0]["path"] == "id"


def test_batches_are_refused_with_a_clear_message() -> None:
    """A batch is answered once and says what to do."""
    found = failure(b"[" + message() + b"," + message() + b"]")
    assert found.number == ErrorNumber.NOT_A_REQUEST
    assert "one request per line" in found.message


@pytest.mark.parametrize("payload", [b"1", b'"a"', b"null", b"true"])
def test_a_request_is_an_object(payload: bytes) -> None:
    """Any other JSON value is an invalid request with an example of a right one."""
    found = failure(payload)
    assert found.number == ErrorNumber.NOT_A_REQUEST
    assert found.data["details"][0]["example"]["jsonrpc"] == "2.0"


def test_everything_wrong_is_told_at_once() -> None:
    """All wrong members of the envelope are named, and the id is repeated if it can be read."""
    found = failure(b'{"jsonrpc":"1.0","id":"a","methods":"x","method":7}')
    assert found.id == "a"
    assert [entry["path"] for entry in found.data["details"]] == ["methods", "jsonrpc", "method"]
    assert 'did you mean "method"' in found.data["details"][0]["problem"]
    assert "and 2 more" in found.message


def test_the_list_of_problems_is_bounded() -> None:
    """Thousands of unknown members are counted, not listed."""
    found = failure(json.dumps({f"x{n}": 1 for n in range(5000)}).encode())
    assert len(found.data["details"]) == MAX_PROBLEMS + 3
    assert found.data["details"][MAX_PROBLEMS]["problem"] == "and 4950 more"


@pytest.mark.parametrize("method", [..., None, 1, "", "m" * 65])
def test_the_method_is_a_short_text(method: object) -> None:
    """A method that is missing or no name is an invalid request."""
    assert failure(message(method=method)).number == ErrorNumber.NOT_A_REQUEST


@pytest.mark.parametrize("params", [[], ["a"], None, "a", 1])
def test_params_have_names(params: object) -> None:
    """Positional parameters are refused under the request's own id."""
    found = failure(message(params=params))
    assert (found.id, found.number) == (1, ErrorNumber.BAD_PARAMS)
    assert found.data["details"][0]["path"] == "params"


def test_what_is_no_json() -> None:
    """The parse error of the standard, with the reason."""
    found = failure(b'{"a":1,"a":2}')
    assert (found.id, found.number, found.data) == (None, ErrorNumber.NOT_JSON, {"code": "INVALID"})
    assert "twice" in found.message


def test_answers_are_read_back() -> None:
    """What the agent writes is what a client reads."""
    result = write_result("a", {"price": Decimal("40.5")})
    assert result == b'{"jsonrpc":"2.0","id":"a","result":{"price":40.5}}'
    assert read_answer(result) == Answer("a", {"price": Decimal("40.5")})
    refused = Failure(1, ErrorNumber.REFUSED, "no", {"code": "CONFLICT"})
    assert json.loads(write_failure(refused))["error"] == {"code": -32000, "message": "no", "data": {"code": "CONFLICT"}}
    assert read_answer(write_failure(refused)) == refused
    assert read_answer(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x","data":"y"}}') == Failure(None, -32700, "x", {})
    assert read(write_request(7, "m", {"a": 1})) == Call(7, "m", {"a": 1})


@pytest.mark.parametrize("line", [b"1", b"{}", b"x", message(), b'{"jsonrpc":"2.0","id":1,"error":{"code":"x","message":"y"}}'])
def test_what_is_no_answer(line: bytes) -> None:
    """A client does not take anything else for an answer."""
    with pytest.raises(BadJson):
        read_answer(line)


def test_invalid_names_the_first_problem_in_its_message() -> None:
    """People read the message, programs the details."""
    one = invalid(1, ErrorNumber.BAD_PARAMS, [Problem("key", "is missing", "k")])
    assert one.message == "Invalid params: key: is missing"
    assert one.data == {"code": "INVALID", "details": [{"path": "key", "problem": "is missing", "example": "k"}]}


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["2.0", "agent.status"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params", "x"]), inner, max_size=5)
    ),
    max_leaves=10,
)


@settings(max_examples=2000, deadline=None)
@given(st.binary(max_size=100) | json_like.map(lambda value: json.dumps(value).encode()))
def test_any_payload(payload: bytes) -> None:
    """Reading never raises, and every failure can be written as one line."""
    found = read(payload)
    if isinstance(found, Failure):
        assert b"\n" not in write_failure(found)
        assert found.data["code"] == "INVALID"
