"""The two batch codecs: what is written can be read, in any dialect of the wire."""

from __future__ import annotations

import email
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.odata import json_batch, multipart
from tieline.odata.wire import Operation, Result

TEXTS = st.text(max_size=30)
BODIES = st.one_of(
    st.none(),
    st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(0, 9), st.none()), max_size=3),
)
STATUSES = st.sampled_from([200, 201, 204, 400, 404, 412, 429, 503])


def part(status: int, body: Any, end: str) -> str:
    text = "" if body is None else json.dumps(body, ensure_ascii=False)
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary", ""]
    inner = [f"HTTP/1.1 {status} Some Reason", "Content-Type: application/json", ""]
    return end.join([*head, *inner, text])


def answer(
    parts: list[str], end: str, boundary: str = "b1", preamble: str = ""
) -> bytes:
    lines = [preamble] if preamble else []
    for one in parts:
        lines += [f"--{boundary}", one]
    return end.join([*lines, f"--{boundary}--", ""]).encode()


@given(
    st.lists(st.tuples(STATUSES, BODIES), max_size=5),
    st.sampled_from(["\r\n", "\n"]),
    st.sampled_from(["", "This is a preamble."]),
    st.sampled_from(['multipart/mixed; boundary="b1"', "multipart/mixed;boundary=b1"]),
)
def test_multipart_answers_are_read_with_any_line_end(
    rows: list[tuple[int, Any]], end: str, preamble: str, content_type: str
) -> None:
    """Status and body of every part come back in order; CRLF, LF, preamble alike."""
    content = answer([part(s, b, end) for s, b in rows], end, preamble=preamble)
    results = multipart.decode(content_type, content)
    assert [(s, b) for s, b in rows] == [(r.status, r.body) for r in results]


@given(st.lists(BODIES, min_size=1, max_size=4))
def test_multipart_requests_are_read_by_another_parser(bodies: list[Any]) -> None:
    """The standard library's mail parser finds every operation and its body."""
    operations = [
        Operation("PATCH", f"/api/x({n})", {"If-Match": "*"}, body)
        for n, body in enumerate(bodies)
    ]
    head = b'Content-Type: multipart/mixed; boundary="b1"\r\n\r\n'
    message = email.message_from_bytes(head + multipart.encode(operations, "b1"))
    found = [one.get_payload(decode=True) for one in message.walk()][1:]
    assert len(operations) == len(found)
    for operation, inner in zip(operations, found, strict=True):
        head_lines, _, body = inner.partition(b"\r\n\r\n")
        assert f"PATCH {operation.url} HTTP/1.1" == head_lines.decode().split("\r\n")[0]
        assert "If-Match: *" in head_lines.decode()
        assert operation.body == (orjson.loads(body) if body.strip() else None)


def test_change_set_answers_stand_in_line() -> None:
    """A nested change set yields its parts in order; a lone error part is one."""
    end = "\r\n"
    inner = answer([part(204, None, end), part(201, {"a": 1}, end)], end, "c1").decode()
    nested = f"Content-Type: multipart/mixed; boundary=c1{end}{end}{inner}"
    error = part(412, {"error": {"code": "x"}}, end)
    content = answer([nested, error], end)
    results = multipart.decode("multipart/mixed; boundary=b1", content)
    assert [one.status for one in results] == [204, 201, 412]


def test_a_missing_boundary_is_found_in_the_body() -> None:
    """A content type without boundary does not lose the answer."""
    content = answer([part(200, {"value": []}, "\n")], "\n")
    assert [Result(200, {"content-type": "application/json"}, {"value": []})] == (
        multipart.decode("multipart/mixed", content)
    )


def test_what_is_not_multipart_is_refused() -> None:
    """An HTML page in place of the batch's answer is an error, not no rows."""
    with pytest.raises(ValueError, match="not multipart"):
        multipart.decode("text/html", b"<html></html>")


@pytest.mark.parametrize("url", ["/a\r\nX: y", "/a\nb"])
def test_line_breaks_cannot_be_smuggled_in(url: str) -> None:
    """An address with a line break is refused."""
    with pytest.raises(ValueError, match="line break"):
        multipart.encode([Operation("GET", url)], "b1")


@given(st.lists(st.tuples(STATUSES, BODIES), max_size=6), st.randoms())
def test_json_answers_are_matched_by_id(rows: list[Any], random: Any) -> None:
    """Answers may come in any order, and some may be missing."""
    answers = [
        {"id": str(n), "status": status, "headers": {"ETag": "1"}, "body": body}
        for n, (status, body) in enumerate(rows)
    ]
    kept = [one for one in answers if random.random() < 0.7]
    random.shuffle(kept)
    content = orjson.dumps({"responses": kept})
    expected: list[Any] = [None] * len(rows)
    for one in kept:
        expected[int(one["id"])] = Result(one["status"], {"etag": "1"}, one["body"])
    assert expected == json_batch.decode(content, len(rows))


def test_a_json_answer_without_a_status_is_none() -> None:
    """What names no status may have been refused: it does not count as done."""
    content = orjson.dumps({"responses": [{"id": "0", "body": {}}]})
    assert [None] == json_batch.decode(content, 1)


def test_json_answers_without_ids_stand_in_order() -> None:
    """A server that gives no ids answers in the order of the operations."""
    content = b'{"responses":[{"id":null,"status":200},{"id":null,"status":404}]}'
    statuses = [one and one.status for one in json_batch.decode(content, 3)]
    assert statuses == [200, 404, None]


def test_a_json_batch_keeps_order_and_columns() -> None:
    """The order of a body's columns is kept: it is the order of validation."""
    body = {"zeta": 1, "alpha": "ä"}
    content = json_batch.encode([Operation("POST", "companies(1)/x", {}, body)])
    (request,) = orjson.loads(content)["requests"]
    assert list(request["body"]) == ["zeta", "alpha"]
    assert (request["id"], request["method"]) == ("0", "POST")


def test_a_broken_json_answer_is_refused() -> None:
    """No responses is an error, not no rows."""
    with pytest.raises(ValueError, match="no responses"):
        json_batch.decode(b"<html>", 1)
