"""Refusals that only the moment causes are retried and never lead to a skip."""

from __future__ import annotations

import pytest

from tieline.business_central.refusals import classify as in_bc
from tieline.dataverse.refusals import classify as in_dataverse
from tieline.errors import Rejected, Unavailable
from tieline.failures import rejected

BC_TEXTS = (
    "You can't make changes to 'Customer' because the information is being updated "
    "in a transaction done by another session.",
    "The operation could not complete because a record in the Customer table was "
    "locked by another user. Please retry the activity.",
    "Your activity was deadlocked with another user who was modifying the Customer "
    "table. Start the activity again.",
    "The changes to the Customer record cannot be saved because some information on "
    "the page is not up-to-date. Close the page, reopen it, and try again.",
)
LASTING_BC_TEXTS = (
    "The field Country/Region Code of table Customer contains a value (X) that "
    "cannot be found in the related table (Country/Region).",
    "You cannot rename the customer, because it is blocked.",
)
DATAVERSE = (
    (400, "0x80044150", "Sql error: Generic SQL error."),
    (400, "0x80044151", "SQL timeout expired."),
    (500, "0x80044151", "Sql error: SQL Timeout expired."),
    (400, "0x80040265", "Transaction (Process ID 61) was deadlocked on lock resources"),
    (400, "0x80040203", "SQL Timeout: Cannot obtain lock on resource"),
)
LASTING_IN_DATAVERSE = (
    (400, "0x80040203", "Invalid argument."),
    (400, "0x80040265", "A plug-in forbids this name."),
    (501, "0x80044150", "Not offered."),
)


def body(code, text):
    """Return the payload of a refusal."""
    return {"error": {"code": code, "message": text}}


@pytest.mark.parametrize("text", BC_TEXTS)
def test_locks_of_business_central_pass(text):
    """Answered with 400, they are no word about the record."""
    error = in_bc(400, {}, body("Application_DialogException", text))
    assert (Unavailable, True, 400) == (
        type(error).__mro__[1],
        error.is_passing,
        error.status,
    )


@pytest.mark.parametrize("text", LASTING_BC_TEXTS)
def test_other_refusals_of_business_central_last(text):
    """What is said about the record itself stays a refusal."""
    error = in_bc(400, {}, body("Application_FieldValidationException", text))
    assert (Rejected, False) == (type(error), error.is_passing)


@pytest.mark.parametrize(("status", "code", "text"), DATAVERSE)
def test_trouble_in_the_database_of_dataverse_passes(status, code, text):
    """Time-outs of SQL and deadlocks, under whatever status."""
    error = in_dataverse(status, {}, body(code, text))
    assert isinstance(error, Unavailable)
    assert (True, status) == (error.is_passing, error.status)


@pytest.mark.parametrize(("status", "code", "text"), LASTING_IN_DATAVERSE)
def test_other_refusals_of_dataverse_last(status, code, text):
    """What is said about the record itself stays a refusal."""
    error = in_dataverse(status, {}, body(code, text))
    assert (Rejected, False) == (type(error), error.is_passing)


def test_a_refused_row_keeps_that_it_passes():
    """The record's own error tells whether its cause passes."""
    passing = in_bc(400, {}, body("", BC_TEXTS[0]))
    assert rejected("Modifying", "customers", passing).is_passing
    lasting = in_bc(400, {}, body("", LASTING_BC_TEXTS[0]))
    assert not rejected("Modifying", "customers", lasting).is_passing
