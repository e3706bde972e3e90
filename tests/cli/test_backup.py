"""`backup`, `restore`, `rebind`: a store survives, and follows its services."""

from __future__ import annotations

from tests.cli.conftest import document, sentence


def test_a_store_comes_back(services, invoke, folder):
    """Backed up, moved away, restored; the commands tell the file."""
    with services.store() as store:
        store.remember_environment("c", "x", "y", "z", company_name="CRONUS")
    told = document(invoke("backup", "copy", "--json"))
    assert ("copy", (folder / "copy").stat().st_size) == (told["file"], told["bytes"])
    refused = invoke("restore", "copy")
    assert (2, True) == (refused.exit_code, "not overwritten" in sentence(refused))
    for file in folder.glob("store.sqlite*"):
        if file.is_file():
            file.unlink()
    assert invoke("restore", "copy").stdout.startswith(
        "The store is restored from copy"
    )
    with services.store() as store:
        assert {"c": "CRONUS"} == store.known_companies()


def test_a_copied_organisation_stops_runs_until_somebody_decides(services, invoke):
    """The sentence names the ways; `rebind` is one, and is asked to be sure."""
    id_ = services.company.id
    with services.store() as store:
        store.remember_environment(id_, "http://old", "http://old", "old")
    assert 2 == invoke("rebind", "--json").exit_code
    assert 1 == invoke("rebind").exit_code
    with services.store() as store:
        assert ("http://old", "http://old", "old") == store.bound_to(id_)
    told = document(invoke("rebind", "--yes", "--json"))
    with services.store() as store:
        assert told["organization"] == (store.bound_to(id_) or [""])[-1]
    assert 2 == invoke("rebind", "--yes", "--company", "Other").exit_code


def test_a_company_without_runs_has_nothing_to_rebind(services, invoke):
    """Its first run binds it."""
    result = invoke("rebind", "--yes")
    assert (2, True) == (result.exit_code, "first run binds" in sentence(result))
