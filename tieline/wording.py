"""Puts counts into words."""

from __future__ import annotations


def counted(number: int, what: str) -> str:
    """Return a number of things: "1 record", "2 records"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
