"""Option couplings, cached metadata and the services a store belongs to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.store.samples import COMPANY, NOW, bc
from tieline.errors import AlreadyCoupled, SafetyStop
from tieline.store import OptionRow

COLUMN = "account.paymenttermscode"
NET30 = OptionRow(bc(1), "NET30", 1, "30 days")
CASH = OptionRow(bc(2), "CASH", 100_000_001, "")
BC_ROOT = "https://api.businesscentral.dynamics.com/v2.0/t/Production"
DV_ROOT = "https://org.crm.dynamics.com"


def test_saving_options_replaces_those_of_the_column(store):
    """Other columns and companies keep theirs."""
    store.save_options(COMPANY, COLUMN, [NET30])
    store.save_options(COMPANY, "account.shippingmethodcode", [NET30])
    store.save_options("other", COLUMN, [NET30])
    swapped = OptionRow(bc(3), "NEW", NET30.value, "30 days")
    store.save_options(COMPANY, COLUMN, [swapped, CASH])
    assert [swapped, CASH] == store.options(COMPANY, COLUMN)
    assert [NET30] == store.options(COMPANY, "account.shippingmethodcode")
    assert [NET30] == store.options("other", COLUMN)
    store.save_options(COMPANY, COLUMN, [])
    assert [] == store.options(COMPANY, COLUMN)


def test_an_option_stands_for_one_code_only(store):
    """The former couplings stay when the new ones clash."""
    store.save_options(COMPANY, COLUMN, [NET30])
    clash = OptionRow(bc(3), "NET31", CASH.value, "")
    with pytest.raises(AlreadyCoupled, match="paymenttermscode"):
        store.save_options(COMPANY, COLUMN, [CASH, clash])
    assert [NET30] == store.options(COMPANY, COLUMN)


def test_options_are_deleted_by_record(store):
    """The others stay."""
    store.save_options(COMPANY, COLUMN, [NET30, CASH])
    store.delete_options(COMPANY, COLUMN, [NET30.bc_id, bc(9)])
    assert [CASH] == store.options(COMPANY, COLUMN)


def test_a_cached_text_ages(store):
    """It counts up to its age and not beyond; putting it again renews it."""
    store.put_cached("bc/metadata", "old", NOW - timedelta(seconds=61))
    assert store.get_cached("bc/metadata", 60, NOW) is None
    store.put_cached("bc/metadata", "<xml/>", NOW - timedelta(seconds=60))
    assert "<xml/>" == store.get_cached("bc/metadata", 60, NOW)


def test_cached_texts_are_dropped_by_prefix(store):
    """Letters count as they are, and _ and % are letters."""
    keys = ["a_b/1", "a_b/2", "aXb/1", "A_B/1", "z/a_b"]
    for key in keys:
        store.put_cached(key, key, NOW)
    store.drop_cached("a_b")
    assert [
        "aXb/1",
        "A_B/1",
        "z/a_b",
    ] == [key for key in keys if store.get_cached(key, 1, NOW)]


def test_the_same_services_are_welcome_again(store):
    """A slash at the end or another case is the same address; so is a new name."""
    store.remember_environment(COMPANY, BC_ROOT, DV_ROOT, "org-1")
    store.remember_environment(COMPANY, BC_ROOT.upper() + "/", DV_ROOT, "ORG-1")
    store.remember_environment(COMPANY, BC_ROOT, "https://renamed.crm", "org-1")
    store.remember_environment("other", "https://elsewhere", DV_ROOT, "org-2")


def test_companies_are_known_by_their_names(store):
    """A company that was renamed is known by its new name."""
    for name in ("CRONUS", "", "CRONUS Ltd."):
        store.remember_environment(
            COMPANY, BC_ROOT, DV_ROOT, "org-1", company_name=name
        )
    store.remember_environment("b", BC_ROOT, DV_ROOT, "org-1", company_name="Adatum")
    assert [("b", "Adatum"), (COMPANY, "CRONUS Ltd.")] == list(
        store.known_companies().items()
    )


@pytest.mark.parametrize(
    ("bc_root", "organization", "named"),
    [
        (BC_ROOT, "org-2", ["org-1", "org-2"]),
        (BC_ROOT.replace("Production", "Sandbox"), "org-1", [BC_ROOT, "Sandbox"]),
    ],
)
def test_other_services_stop_the_run(store, bc_root, organization, named):
    """The message names what is known and what was met; nothing is changed."""
    store.remember_environment(COMPANY, BC_ROOT, DV_ROOT, "org-1")
    with pytest.raises(SafetyStop) as caught:
        store.remember_environment(COMPANY, bc_root, DV_ROOT, organization)
    assert all(word in caught.value.message for word in named)
    store.remember_environment(COMPANY, BC_ROOT, DV_ROOT, "org-1")
