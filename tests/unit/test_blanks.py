"""What stands for nothing, per kind of value and side."""

from __future__ import annotations

import pytest

from tieline.conversions import (
    CODE,
    COPY,
    DAY,
    FLAG,
    NUMBER,
    TEXT,
    Currency,
    Lookup,
    Option,
    column_of,
)

OPTION = Option("paymentTerms", "paymenttermscode", "payment term")
LOOKUP = Lookup("CONTACT", "contact", "contact")

BLANKS = [
    # conversion, raw value on BC, blank there, raw value on Dataverse, blank there
    (TEXT, "", True, None, True),
    (TEXT, "a", False, "a", False),
    (CODE, "", True, "", True),
    (NUMBER, 0, True, None, True),
    (NUMBER, 0.5, False, 0.0, True),
    (FLAG, False, True, None, True),
    (FLAG, True, False, True, False),
    (DAY, None, True, None, True),
    (DAY, "2026-01-01", False, "2026-01-01T00:00:00Z", False),
    (OPTION, "", True, None, True),
    (OPTION, "COD", False, 1, False),
    (LOOKUP, "", True, None, True),
    (Currency(), "", False, None, True),
    (COPY, 0, True, 0, False),
    (COPY, "", True, None, True),
]


@pytest.mark.parametrize(
    ("conversion", "bc", "bc_blank", "dataverse", "dataverse_blank"), BLANKS
)
def test_blanks_per_side(conversion, bc, bc_blank, dataverse, dataverse_blank):
    """Zero and no are BC's stand-ins; a blank currency is the local one."""
    sides = ("bc", bc), ("dataverse", dataverse)
    found = [
        bool(conversion.blank(side, conversion.normal(side, column_of([value])))[0])
        for side, value in sides
    ]
    assert [bc_blank, dataverse_blank] == found
