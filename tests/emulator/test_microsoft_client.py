"""Microsoft's own Python client works against the emulator."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from PowerPlatform.Dataverse.client import DataverseClient
from PowerPlatform.Dataverse.core.errors import HttpError
from PowerPlatform.Dataverse.models.upsert import UpsertItem

from emulator.dataverse import DataverseState, create_dataverse
from emulator.server import Certificate, RunningServer, serve


class Credential:
    """Signs in with a token that the emulator gave out."""

    def __init__(self, state: DataverseState) -> None:
        self.state = state

    def get_token(self, *scopes: str, **_: Any) -> SimpleNamespace:
        form = {
            "grant_type": "client_credentials",
            "client_id": "app",
            "client_secret": "s3cret",
            "scope": scopes[0],
        }
        status, answer = self.state.tokens.answer(form)
        assert status == 200, answer
        return SimpleNamespace(
            token=answer["access_token"], expires_on=int(time.time()) + 3000
        )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    chain, key = folder / "chain.pem", folder / "key.pem"
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(chain, append=number > 0)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return Certificate(chain, key)


@pytest.fixture
def server(
    certificate: Certificate,
    state: DataverseState,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RunningServer]:
    ca = certificate.chain.with_name("ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca))
    monkeypatch.setenv("NO_PROXY", "localhost")
    with serve(create_dataverse(state), certificate=certificate) as running:
        yield running


@pytest.fixture
def state() -> DataverseState:
    state = DataverseState()
    state.tokens.client_id, state.tokens.client_secret = "app", "s3cret"
    state.add_key("account", "number", "accountnumber")
    return state


@pytest.fixture
def client(server: RunningServer, state: DataverseState) -> Iterator[DataverseClient]:
    with DataverseClient(server.url, Credential(state)) as client:
        yield client


def test_create_read_update_delete(client: Any, state: DataverseState) -> None:
    """One row goes through its whole life."""
    row_id = client.records.create("account", {"name": "Fabrikam", "creditlimit": 5.5})
    client.records.update("account", row_id, {"name": "Contoso"})
    row = client.records.retrieve("account", row_id, select=["name", "creditlimit"])
    assert ("Contoso", 5.5) == (row["name"], row["creditlimit"])
    client.records.delete("account", row_id)
    assert [] == state.rows("account")
    with pytest.raises(HttpError) as caught:
        client.records.update("account", row_id, {"name": "x"})
    assert 404 == caught.value.status_code


def test_bulk_create_update_and_delete(client: Any, state: DataverseState) -> None:
    """Lists go through CreateMultiple, UpdateMultiple and BulkDelete."""
    ids = client.records.create("account", [{"name": str(n)} for n in range(3)])
    client.records.update("account", ids, {"fax": "7"})
    client.records.update("account", ids[:2], [{"name": "a"}, {"name": "b"}])
    rows = [state.row("account", one) for one in ids]
    assert [("a", "7"), ("b", "7"), ("2", "7")] == [
        (row["name"], row["fax"]) for row in rows if row
    ]
    assert {
        "POST accounts": 3,
    } == {
        name: count
        for name, count in state.counters.requests.items()
        if "accounts" in name
    }
    assert client.records.delete("account", ids) == state.jobs[0].id
    assert [] == state.rows("account")


def test_upsert_by_alternate_key(client: Any, state: DataverseState) -> None:
    """One item is a PATCH by key, several are UpsertMultiple."""
    items = [
        UpsertItem(alternate_key={"accountnumber": str(n)}, record={"name": f"A{n}"})
        for n in range(3)
    ]
    client.records.upsert("account", items[:1])
    client.records.upsert("account", items)
    found = {row["accountnumber"]: row["name"] for row in state.rows("account")}
    assert {"0": "A0", "1": "A1", "2": "A2"} == found


def test_an_alternate_key_is_made_and_dropped(
    client: Any, state: DataverseState
) -> None:
    """A key that the client makes serves its upserts until it drops it."""
    made = client.tables.create_alternate_key("contact", "new_mail", ["emailaddress1"])
    item = UpsertItem(alternate_key={"emailaddress1": "a@b"}, record={"lastname": "L"})
    client.records.upsert("contact", [item])
    client.records.upsert("contact", [item])
    assert 1 == len(state.rows("contact"))
    (key,) = client.tables.get_alternate_keys("contact")
    assert (made.metadata_id, "Active") == (key.metadata_id, key.status)
    client.tables.delete_alternate_key("contact", key.metadata_id)
    assert [] == client.tables.get_alternate_keys("contact")


def test_columns_are_described(client: Any) -> None:
    """What the client selects of definitions is there."""
    names = {column["LogicalName"] for column in client.tables.list_columns("account")}
    assert {"name", "accountnumber", "customertypecode"} <= names


def test_query_and_paging(client: Any, state: DataverseState) -> None:
    """Filters, orders and pages; every row once."""
    for number in range(7):
        state.insert("account", {"name": f"A {number}", "creditlimit": number})
    pages = list(
        client.records.list_pages(
            "account",
            select=["name"],
            filter="creditlimit ge 1 and startswith(name,'a ')",
            orderby=["name desc"],
            page_size=4,
        )
    )
    names = [[row["name"] for row in page] for page in pages]
    assert [["A 6", "A 5", "A 4", "A 3"], ["A 2", "A 1"]] == names


def test_picklist_labels(client: Any, state: DataverseState) -> None:
    """Labels become values through the option-set metadata."""
    row_id = client.records.create(
        "account", {"name": "F", "customertypecode": "Vendor"}
    )
    row = state.row("account", row_id)
    assert row is not None
    assert 11 == row["customertypecode"]


def test_definitions(client: Any, state: DataverseState) -> None:
    """Tables, their keys and both ends of their relationships are found."""
    names = {table["LogicalName"] for table in client.tables.list()}
    assert set(state.schema.tables) == names
    (key,) = client.tables.get_alternate_keys("account")
    assert ("number", ["accountnumber"], "Active") == (
        key.schema_name,
        key.key_attributes,
        key.status,
    )
    ends = {
        (one["ReferencingEntity"], one["ReferencingAttribute"])
        for one in client.tables.list_table_relationships("account")
    }
    assert {("account", "primarycontactid"), ("invoice", "customerid")} <= ends
    contact = state.insert("contact", {"lastname": "L"})
    bind = client.query.odata_bind("account", "contact", contact)
    row_id = client.records.create("account", {"name": "F", **bind})
    row = state.row("account", row_id)
    assert row is not None
    assert contact == row["_primarycontactid_value"]


def test_batch_with_change_set(client: Any, state: DataverseState) -> None:
    """A change set refers to its own rows by Content-ID."""
    batch = client.batch.new()
    with batch.changeset() as changes:
        account = changes.records.create("account", {"name": "F"})
        changes.records.create(
            "contact",
            {"lastname": "L", "parentcustomerid_account@odata.bind": account},
        )
        changes.records.update("account", account, {"fax": "7"})
    result = batch.execute()
    assert not result.has_errors
    assert ["1", "2", "3"] == [one.content_id for one in result.responses]
    (row,) = state.rows("account")
    assert ("F", "7") == (row["name"], row["fax"])
    assert row["accountid"] == state.rows("contact")[0]["_parentcustomerid_value"]


def test_batch_continues_on_error(client: Any, state: DataverseState) -> None:
    """Every operation has its own answer; without the preference the first ends it."""
    batch = client.batch.new()
    batch.records.create("account", {"name": "x" * 161})
    batch.records.create("account", {"name": "F"})
    result = batch.execute(continue_on_error=True)
    assert [400, 204] == [one.status_code for one in result.responses]
    assert "0x80044331" == result.responses[0].error_code
    stopped = client.batch.new()
    stopped.records.create("account", {"name": "x" * 161})
    stopped.records.create("account", {"name": "G"})
    assert [400] == [one.status_code for one in stopped.execute().responses]
    assert ["F"] == [row["name"] for row in state.rows("account")]


def test_throttling_is_told(client: Any, state: DataverseState) -> None:
    """A 429 carries the time to wait."""
    client.records.create("account", {"name": "F"})
    state.limits.enabled, state.limits.requests = True, 0
    with pytest.raises(HttpError) as caught:
        client.records.create("account", {"name": "G"})
    assert 429 == caught.value.status_code
    assert 300 == caught.value.details["retry_after"]
