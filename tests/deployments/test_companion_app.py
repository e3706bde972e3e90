"""The companion app publishes the contract that the emulator serves, exactly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from emulator.business_central.schema import (
    COMPANION,
    Page,
    Property,
    schema,
)
from tests.deployments.al import APP, AlPage, Control, heads, pages, preprocessed

SYMBOLS = [(), ("PRICELISTS",)]
SYSTEM = {
    "SystemId": "Guid",
    "SystemCreatedAt": "DateTime",
    "SystemModifiedAt": "DateTime",
}
STAND_INS = {
    # Where table 7002 is gone, its rows are lines of price lists.
    "Sales Price": "Price List Line",
    "Enum Sales Price Type": "Enum Price Source Type",
}


@pytest.fixture(params=SYMBOLS, ids=["classic prices", "price lists"])
def published(request: pytest.FixtureRequest) -> dict[str, AlPage]:
    """The pages as the compiler sees them."""
    return pages(*request.param)


@pytest.fixture(scope="module")
def contract() -> dict[str, Page]:
    """The companion route of the emulator."""
    return dict(schema().pages[COMPANION])


@pytest.fixture(scope="module")
def base_types() -> dict[str, dict[str, str]]:
    """The types of the fields in Business Central's own tables."""
    path = Path(__file__).with_name("base_application.yaml")
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def type_of(item: Property) -> str:
    if item.kind == "Enum":
        return f"Enum {item.enum}"
    return f"{item.kind}[{item.length}]" if item.length else item.kind


def shown_type(
    page: AlPage, control: Control, base_types: dict[str, dict[str, str]]
) -> str:
    reference = page.reference(control)
    if reference is None:
        return page.variables[control.shows]
    table, field = reference
    return SYSTEM.get(field) or base_types[table][field]


def test_every_entity_set_is_published(
    published: dict[str, AlPage], contract: dict[str, Page]
) -> None:
    """The sets, their entities and tables are those of the contract."""
    expected = {name: (page.entity, page.table) for name, page in contract.items()}
    actual = {
        name: (page.properties["EntityName"], page.table)
        for name, page in published.items()
    }
    if actual["salesPrices"][1] != "Sales Price":
        expected["salesPrices"] = ("salesPrice", STAND_INS["Sales Price"])
    assert expected == actual


def test_properties_in_order(
    published: dict[str, AlPage], contract: dict[str, Page]
) -> None:
    """The properties of each set are those of the contract, in its order."""
    for name, page in contract.items():
        actual = [control.name for control in published[name].fields]
        assert list(page.properties) == actual, name


def test_types(
    published: dict[str, AlPage],
    contract: dict[str, Page],
    base_types: dict[str, dict[str, str]],
) -> None:
    """Each property shows a field or a variable of the contract's type."""
    for name, page in contract.items():
        for control in published[name].fields:
            expected = type_of(page.properties[control.name])
            if published[name].table == "Price List Line":
                expected = STAND_INS.get(expected, expected)
            actual = shown_type(published[name], control, base_types)
            assert expected == actual, f"{name}.{control.name}"


def test_access(published: dict[str, AlPage], contract: dict[str, Page]) -> None:
    """Keys and read-only properties cannot be edited; all others can."""
    for name, page in contract.items():
        for control in published[name].fields:
            access = page.properties[control.name].access
            is_editable = access not in ("key", "read-only")
            assert is_editable == control.is_editable, f"{name}.{control.name}"


def test_what_can_be_filtered_is_a_field(
    published: dict[str, AlPage], contract: dict[str, Page]
) -> None:
    """Only computed properties show a variable, which $filter cannot use."""
    for name, page in contract.items():
        for control in published[name].fields:
            item = page.properties[control.name]
            if not item.is_computed and item.access != "insert-only":
                where = f"{name}.{control.name}"
                assert published[name].reference(control) or name == "syncSetups", where


def test_operations(published: dict[str, AlPage], contract: dict[str, Page]) -> None:
    """A set that the contract does not let write refuses writes as a whole."""
    switches = {
        "insert": "InsertAllowed",
        "modify": "ModifyAllowed",
        "delete": "DeleteAllowed",
    }
    for name, page in contract.items():
        properties = published[name].properties
        allowed = {
            operation
            for operation, switch in switches.items()
            if properties.get(switch) != "false"
        }
        assert page.operations == allowed, name


def test_navigation(published: dict[str, AlPage], contract: dict[str, Page]) -> None:
    """The parts of a page are the navigation properties of its set."""
    for name, page in contract.items():
        expected = {key: item.set for key, item in page.navigation.items()}
        actual = {
            part.name: part.settings["EntitySetName"].strip("'")
            for part in published[name].parts
        }
        assert expected == actual, name
        for part in published[name].parts:
            target = published[part.settings["EntitySetName"].strip("'")]
            assert f'"{target.name}"' == part.shows


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PageType", "API"),
        ("APIPublisher", "tieline"),
        ("APIGroup", "sync"),
        ("APIVersion", "v1.0"),
        ("ODataKeyFields", "SystemId"),
        ("DelayedInsert", "true"),
        ("Extensible", "false"),
    ],
)
def test_every_page_is_a_proper_api_page(
    published: dict[str, AlPage], name: str, expected: str
) -> None:
    """Route, key and insert behaviour are the same for all pages."""
    for page in published.values():
        assert expected == page.properties[name], page.name


@pytest.mark.parametrize("symbols", SYMBOLS)
def test_object_numbers_and_names(symbols: tuple[str, ...]) -> None:
    """Numbers are unique per kind, in the range of app.json; names fit 30."""
    manifest = json.loads((APP / "app.json").read_text(encoding="utf-8"))
    (span,) = manifest["idRanges"]
    objects = heads(*symbols)
    keys = {(kind, number) for kind, number, _ in objects}
    assert len(objects) == len(keys)
    for kind, number, name in objects:
        assert span["from"] <= number <= span["to"], f"{kind} {name}"
        assert len(name) <= 30, name


def test_page_numbers_keep_to_their_block(published: dict[str, AlPage]) -> None:
    """The numbers that the README names are the pages' numbers."""
    numbers = sorted(page.number for page in published.values())
    assert list(range(50100, 50100 + len(published))) == numbers


@pytest.mark.parametrize("symbols", SYMBOLS)
def test_permission_set_covers_every_object(symbols: tuple[str, ...]) -> None:
    """Each page and codeunit may be run, each table a page writes be written."""
    text = (APP / "src" / "TielineSync.PermissionSet.al").read_text(encoding="utf-8")
    granted = preprocessed(text, *symbols)
    for kind, _, name in heads(*symbols):
        if kind != "permissionset":
            assert f'        {kind} "{name}" = X' in granted, name
    for page in pages(*symbols).values():
        rights = "R" if page.properties.get("Editable") == "false" else "RIMD"
        table = page.properties["SourceTable"]
        assert any(
            f"        tabledata {table} = {given}," in granted
            for given in {rights, "RIMD"}
        ), table


@pytest.mark.parametrize("symbols", SYMBOLS)
def test_variables_are_worked_out(symbols: tuple[str, ...]) -> None:
    """A property that shows a variable is set by the code of its page."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in _page_files()}
    for page in pages(*symbols).values():
        text = next(
            text
            for text in texts.values()
            if f"EntitySetName = '{page.properties['EntitySetName']}';" in text
        )
        for control in page.fields:
            if page.reference(control) is None:
                assert f"        {control.shows} := " in text, control.name


def _page_files() -> list[Path]:
    return sorted((APP / "src" / "pages").glob("*.al"))
