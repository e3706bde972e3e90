"""Puts counts into words, and makes text that others wrote fit for one line."""

from __future__ import annotations

import re
import unicodedata

_LINE_ENDS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_SHAPING = frozenset("\u200c\u200d")
"""Joiners, which names of several languages and emoji need."""


def counted(number: int, what: str) -> str:
    """Return a number of things: "1 record", "2 records"."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def one_line(text: str) -> str:
    r"""Return text as one line that moves no cursor, colours nothing, turns nothing.

    Line ends and tabs become a space; other control characters, and those that change
    the direction of what follows, are shown by their number, as `\x1b` is.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_ENDS.sub(" ", text)
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    is_control = unicodedata.category(character) in ("Cc", "Cf", "Cs")
    if not is_control or character in _SHAPING:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
