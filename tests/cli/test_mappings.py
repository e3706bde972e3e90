"""`tieline mappings` shows the mappings in force and marks what the user changed."""

from __future__ import annotations

from flows.jobs import MAPPINGS
from tests.cli.conftest import document, sentence


def test_all_jobs_as_declared(invoke):
    """Every job is there in dependency order, nothing marked; no service is asked."""
    shown = document(invoke("mappings", "--json"))
    assert list(MAPPINGS) == [one["job"] for one in shown]
    assert [[]] * len(shown) == [one["overridden"] for one in shown]
    customer = next(one for one in shown if one["job"] == "CUSTOMER")
    rows = {row["dataverse"]: row for row in customer["fields"]}
    assert "disabled" == rows["telephone2"]["off"]
    assert (None, "text") == (rows["name"]["off"], rows["name"]["conversion"])
    assert [
        {"field": "blocked", "op": "blank", "value": None, "or_blank": False}
    ] == customer["bc_filter"]


def test_overrides_are_marked(invoke, folder):
    """Changed keys and field rows are named; a filter shows the new conditions."""
    (folder / "tieline.toml").write_text(
        """
        sync.ownership = "team"
        [mappings.customer]
        direction = "to-dataverse"
        bc_filter = [{field = "country", op = "in", value = ["DE", "AT"]}]
        fields.email = false
        add_fields = [{bc = "taxId", dataverse = "new_tax"}]
        templates = [{side = "dataverse", values = {industrycode = 1}}]
        """,
        encoding="utf-8",
    )
    (customer,) = document(invoke("mappings", "customer", "--json"))
    assert ["direction", "bc_filter", "templates"] == customer["overridden"]
    assert "to-dataverse" == customer["direction"]
    rows = {row["dataverse"]: row for row in customer["fields"]}
    assert (True, "disabled") == (
        rows["emailaddress1"]["overridden"],
        rows["emailaddress1"]["off"],
    )
    assert rows["new_tax"]["user_defined"]
    assert "only when ownership_model=Person" == rows["ownerid"]["off"]
    text = invoke("mappings", "CUSTOMER").stdout
    assert "country in ['DE', 'AT']" in text
    assert "dataverse {'industrycode': 1}" in text


def test_a_bad_override_of_another_job(invoke, folder):
    """Every command refuses a configuration that cannot hold."""
    (folder / "tieline.toml").write_text("mappings.VENDORS = {}\n", encoding="utf-8")
    result = invoke("mappings", "CUSTOMER", "--json")
    assert 2 == result.exit_code
    assert "TL-102" == document(result)["error"]["code"]
    assert sentence(result).startswith("mappings.VENDORS of tieline.toml names no job.")


def test_an_unknown_job(invoke):
    """The jobs that exist are named."""
    result = invoke("mappings", "NOPE")
    assert 2 == result.exit_code
    assert sentence(result).startswith("There is no job NOPE. The jobs are CURRENCY,")
