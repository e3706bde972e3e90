"""Value rules that field mappings name."""

from tieline.conversions.base import (
    Choice,
    Constant,
    Conversion,
    Rule,
    Transfer,
    Untold,
    Values,
    column_of,
)
from tieline.conversions.lookup import (
    Company,
    Currency,
    Lookup,
    Owner,
)
from tieline.conversions.option import Option
from tieline.conversions.plain import (
    CODE,
    COPY,
    DAY,
    FLAG,
    NOT_NEGATIVE,
    NUMBER,
    TEXT,
    Code,
    Number,
    cut,
)

__all__ = [
    "CODE",
    "COPY",
    "DAY",
    "FLAG",
    "NOT_NEGATIVE",
    "NUMBER",
    "TEXT",
    "Choice",
    "Code",
    "Company",
    "Constant",
    "Conversion",
    "Currency",
    "Lookup",
    "Number",
    "Option",
    "Owner",
    "Rule",
    "Transfer",
    "Untold",
    "Values",
    "column_of",
    "cut",
]
