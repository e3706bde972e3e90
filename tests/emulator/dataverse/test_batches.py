"""Batches run part by part, and their change sets as a whole."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.dataverse.multipart import (
    ChangeSet,
    Operation,
    boundary_of,
    http_part,
    nested_part,
    read_batch,
    split_parts,
    write_parts,
)
from emulator.faults import Fault

ROOT = "http://org.test/api/data/v9.2/"


def operation(method, url, body=None, content_id=None, end="\r\n", **headers):
    outer = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        outer.append(f"Content-ID: {content_id}")
    inner = [f"{method} {url} HTTP/1.1"]
    inner += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    text = "" if body is None else json.dumps(body)
    return end.join([*outer, "", *inner, "", text])


def change_set(*parts, end="\r\n"):
    head = f'Content-Type: multipart/mixed; boundary="cs"{end}{end}'
    return head + "".join(f"--cs{end}{part}{end}" for part in parts) + f"--cs--{end}"


async def send(api, *parts, prefer="", end="\r\n"):
    body = "".join(f"--b{end}{part}{end}" for part in parts) + f"--b--{end}"
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    if prefer:
        headers["Prefer"] = prefer
    response = await api.client.post("$batch", content=body.encode(), headers=headers)
    kind = response.headers["content-type"]
    if not kind.startswith("multipart"):
        return response.status_code, response.json()["error"]["code"]
    return response.status_code, statuses(response.content, boundary_of(kind))


def statuses(content, boundary):
    found = []
    for part in split_parts(content, boundary):
        kind = part.headers["content-type"]
        if kind.startswith("multipart"):
            found.append(statuses(part.content, boundary_of(kind)))
        else:
            found.append(int(part.content.split()[1]))
    return found


async def test_parts_run_one_after_another(api, state):
    """Absolute, rooted and relative URLs; later parts see what earlier ones did."""
    row_id = str(uuid4())
    status, answers = await send(
        api,
        operation("POST", f"{ROOT}accounts", {"accountid": row_id}),
        operation("PATCH", f"/api/data/v9.2/accounts({row_id})", {"name": "F"}),
        operation("GET", f"accounts({row_id})?$select=name"),
    )
    assert (200, [204, 204, 200]) == (status, answers)
    assert "F" == state.row("account", row_id)["name"]
    assert {"POST $batch": 1} == dict(state.counters.requests)
    assert 3 == state.counters.operations.total()


async def test_first_failure_ends_the_batch(api, state):
    """The batch answers 400 with the parts so far; what was done stays done."""
    status, answers = await send(
        api,
        operation("POST", "accounts", {"name": "F"}),
        operation("GET", f"accounts({uuid4()})"),
        operation("POST", "accounts", {"name": "G"}),
    )
    assert (400, [204, 404]) == (status, answers)
    assert 1 == len(state.rows("account"))


async def test_continue_on_error(api, state):
    """With the preference every part has its own answer and the batch 200."""
    status, answers = await send(
        api,
        operation("POST", "accounts", {"nmae": "F"}),
        operation("POST", "accounts", {"name": "G"}),
        prefer="odata.continue-on-error",
    )
    assert (200, [400, 204]) == (status, answers)


async def test_change_sets_are_atomic(api, state):
    """One refusal undoes the change set and is its only answer."""
    bad = change_set(
        operation("POST", "accounts", {"name": "F"}, 1),
        operation("POST", "accounts", {"nmae": "F"}, 2),
    )
    good = change_set(operation("POST", "accounts", {"name": "G"}, 3))
    assert (200, [400, [204]]) == await send(
        api, bad, good, prefer="odata.continue-on-error"
    )
    assert ["G"] == [row["name"] for row in state.rows("account")]


async def test_content_ids_refer_to_created_rows(api, state):
    """$1 stands for a created row in URLs and in binds, but not before it."""
    parts = (
        operation("POST", "accounts", {"name": "F"}, 1),
        operation(
            "POST",
            "contacts",
            {"lastname": "L", "parentcustomerid_account@odata.bind": "$1"},
            2,
        ),
        operation("PATCH", "$1", {"primarycontactid@odata.bind": "$2"}, 3),
        operation("PUT", "/$1/fax", {"value": "7"}, 4),
    )
    assert (200, [[204] * 4]) == await send(api, change_set(*parts))
    (account,) = state.rows("account")
    (contact,) = state.rows("contact")
    assert (contact["contactid"], "7") == (
        account["_primarycontactid_value"],
        account["fax"],
    )
    assert (400, [400]) == await send(api, change_set(parts[2], parts[0]))


async def test_what_a_batch_refuses(api):
    """GET and missing Content-IDs in change sets, nesting, size and other bodies."""
    assert (400, [400]) == await send(
        api, change_set(operation("GET", "accounts", None, 1))
    )
    assert (400, [400]) == await send(
        api, change_set(operation("POST", "accounts", {}))
    )
    assert (400, [400]) == await send(api, operation("POST", "$batch", {}))
    many = [operation("GET", "WhoAmI")] * 1001
    assert (400, "0x80060888") == await send(api, *many)
    response = await api.send("POST", "$batch", {"requests": []})
    assert (400, "0x80060888") == (
        response.status_code,
        response.json()["error"]["code"],
    )


async def test_line_feeds_alone_are_accepted(api, state):
    """Lines of a batch end in CRLF or in LF, in its parts and in its change sets."""
    json_type = {"Content_Type": "application/json"}
    created = operation("POST", "accounts", {}, 1, end="\n", **json_type)
    whole = await send(api, change_set(created, end="\n"), end="\n")
    assert (200, [[204]]) == whole
    part = operation("POST", "accounts", {}, **json_type)
    mixed = part.replace("json\r\n\r\n", "json\n\n")
    for part in (change_set(created), mixed):
        assert 200 == (await send(api, part))[0]
    assert 3 == len(state.rows("account"))


async def test_urls_in_parts_may_be_longer(api):
    """A part takes 65,536 characters where a request takes half of them."""
    text = " or ".join(f"accountid eq {uuid4()}" for _ in range(900))
    assert (200, [200]) == await send(api, operation("GET", f"accounts?$filter={text}"))
    assert (400, [414]) == await send(
        api, operation("GET", f"accounts?$filter={text} or {text}")
    )


@pytest.mark.parametrize(
    ("kind", "status"), [("throttle", 429), ("unavailable", 503), ("locked", 500)]
)
async def test_faults_may_hit_one_part(api, state, kind, status):
    """A fault on an operation answers that part only."""
    state.faults.add(Fault(kind, path="accounts", operation=True, nth=2, count=1))
    parts = [operation("POST", "accounts", {"name": str(n)}) for n in range(3)]
    answers = await send(api, *parts, prefer="odata.continue-on-error")
    assert (200, [204, status, 204]) == answers


async def test_edits_of_others_outlive_a_failed_change_set(api, state):
    """What another user did meanwhile is not undone with the change set."""
    account = await api.create("accounts", {"name": "F"})
    ann = state.add_user("Ann Lee")

    def edit():
        state.edit_as(ann, "account", account, {"fax": "7"})

    state.faults.add(Fault("edit", path="accounts", operation=True, edit=edit))
    bad = operation("PATCH", f"accounts({account})", {"nmae": "G"}, 1)
    assert (400, [400]) == await send(api, change_set(bad))
    assert "7" == state.row("account", account)["fax"]


_TOKEN = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=12)
_BODY = st.dictionaries(_TOKEN, st.text() | st.integers() | st.none(), max_size=4)
_ENTRY = st.tuples(st.sampled_from(["POST", "PATCH", "DELETE"]), _TOKEN, _BODY, _TOKEN)
_ITEM = st.one_of(
    _ENTRY.map(lambda entry: ("one", [entry])),
    st.lists(_ENTRY, min_size=1, max_size=4).map(lambda entries: ("set", entries)),
)


@given(items=st.lists(_ITEM, min_size=1, max_size=5))
def test_requests_are_read_as_they_were_written(items):
    """Whatever the operations hold, reading a batch gives them back."""
    parts, expected = [], []
    for kind, entries in items:
        written = [operation(m, u, b, c, If_Match="*") for m, u, b, c in entries]
        read = [
            Operation(m, u, {"if-match": "*"}, json.dumps(b).encode(), c)
            for m, u, b, c in entries
        ]
        parts.append(written[0] if kind == "one" else change_set(*written))
        expected.append(read[0] if kind == "one" else ChangeSet(tuple(read)))
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    assert expected == read_batch('multipart/mixed; boundary="b"', body.encode())


@given(
    bodies=st.lists(st.binary().filter(lambda body: b"--" not in body), max_size=4),
    status=st.sampled_from([200, 204, 404, 412]),
)
def test_answers_are_read_as_they_were_written(bodies, status):
    """Answers survive writing and splitting, nested ones too."""
    parts = [
        http_part(status, {"A": "b"}, body, str(n)) for n, body in enumerate(bodies)
    ]
    outer = write_parts([nested_part(parts, "inner")], "outer")
    (nested,) = split_parts(outer, "outer") or [None]
    boundary = boundary_of(nested.headers["content-type"])
    found = split_parts(nested.content, boundary)
    assert [part.content for part in parts] == [part.content for part in found]
