"""Parser for `$filter` text, after the OData 4.0 grammar."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NoReturn

from emulator.odata.expressions import (
    Alias,
    Call,
    Compare,
    Constant,
    Expression,
    In,
    Lambda,
    Logic,
    Not,
    Path,
)

_COMPARISONS = frozenset({"eq", "ne", "gt", "ge", "lt", "le", "has"})
_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-]))"
    r"|(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
    r"(?:[zZ]|[+-]\d\d:\d\d))"
    r"|(?P<date>\d{4}-\d\d-\d\d(?![\w-]))"
    rf"|(?P<number>{_NUMBER}(?![\w.]))"
    r"|(?P<word>@?[^\W\d][\w$]*(?:\.[^\W\d][\w$]*)*)"
    r"|(?P<json>[\[{])"
    r"|(?P<mark>[(),/:=])"
)


class FilterSyntaxError(ValueError):
    """The text is not a filter; `position` counts characters from 0."""

    def __init__(self, text: str, position: int) -> None:
        super().__init__(f"Syntax error at position {position} in '{text}'.")
        self.position = position


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def parse_filter(text: str) -> Expression:
    """Return the tree that `text` (decoded, no percent signs) stands for.

    Knows comparisons, `and`, `or`, `not`, parentheses, `in`, calls with
    positional or named arguments, lambdas, paths, aliases and every literal of
    `Constant`. A chain of the same operator is one `Logic` with many parts, so
    that long chains cost no depth.

    Raises:
        FilterSyntaxError: anything else.
    """
    return _Parser(text).whole()


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    decoder = json.JSONDecoder()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FilterSyntaxError(text, at)
        kind, end = str(match.lastgroup), match.end()
        if kind == "json":
            try:
                end = decoder.raw_decode(text, at)[1]
            except ValueError:
                raise FilterSyntaxError(text, at) from None
        if kind != "space":
            tokens.append(_Token(kind, text[at:end], at))
        at = end
    tokens.append(_Token("end", "", len(text)))
    return tokens


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.next = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def fail(self, token: _Token | None = None) -> NoReturn:
        raise FilterSyntaxError(self.text, (token or self.token).at)

    def take(self) -> _Token:
        token = self.token
        self.next += 1
        return token

    def sees(self, mark: str) -> bool:
        return self.token.kind == "mark" and self.token.text == mark

    def sees_word(self, word: str) -> bool:
        return self.token.kind == "word" and self.token.text == word

    def accept(self, mark: str) -> bool:
        found = self.sees(mark)
        self.next += found
        return found

    def expect(self, mark: str) -> None:
        if not self.accept(mark):
            self.fail()

    def whole(self) -> Expression:
        try:
            node = self.either()
        except RecursionError:
            raise FilterSyntaxError(self.text, self.token.at) from None
        if self.token.kind != "end":
            self.fail()
        return node

    def either(self) -> Expression:
        parts = [self.both()]
        while self.sees_word("or"):
            self.next += 1
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Logic("or", tuple(parts))

    def both(self) -> Expression:
        parts = [self.comparison()]
        while self.sees_word("and"):
            self.next += 1
            parts.append(self.comparison())
        return parts[0] if len(parts) == 1 else Logic("and", tuple(parts))

    def comparison(self) -> Expression:
        left = self.unary()
        if self.token.kind != "word":
            return left
        if self.token.text in _COMPARISONS:
            return Compare(self.take().text, left, self.unary())
        if self.sees_word("in"):
            self.next += 1
            return In(left, self.members())
        return left

    def members(self) -> tuple[Expression, ...]:
        self.expect("(")
        values: list[Expression] = []
        while not self.accept(")"):
            if values:
                self.expect(",")
            values.append(self.either())
        return tuple(values)

    def unary(self) -> Expression:
        if self.sees_word("not"):
            self.next += 1
            return Not(self.unary())
        return self.primary()

    def primary(self) -> Expression:
        token = self.take()
        if token.kind == "mark" and token.text == "(":
            inner = self.either()
            self.expect(")")
            return inner
        if token.kind == "word":
            return self.named(token)
        if token.kind in ("mark", "end"):
            self.fail(token)
        return self.constant(token)

    def named(self, token: _Token) -> Expression:
        if token.text in ("true", "false"):
            return Constant("bool", token.text == "true")
        if token.text == "null":
            return Constant("null", None)
        after = self.token
        if after.kind == "text" and after.at == token.at + len(token.text):
            self.next += 1
            return Constant("enum", _unquoted(after.text), token.text)
        if self.sees("("):
            return self.call(token.text)
        if token.text.startswith("@"):
            return Alias(token.text)
        return self.path(token.text)

    def call(self, name: str) -> Call:
        self.expect("(")
        arguments: list[Expression] = []
        named: list[tuple[str, Expression]] = []
        while not self.accept(")"):
            if arguments or named:
                self.expect(",")
            is_named = self.token.kind == "word" and (
                self.tokens[self.next + 1].text == "="
            )
            if is_named:
                key = self.take().text
                self.expect("=")
                named.append((key, self.either()))
            else:
                arguments.append(self.either())
        return Call(name, tuple(arguments), tuple(named))

    def path(self, first: str) -> Path | Lambda:
        segments = [first]
        while self.accept("/"):
            token = self.take()
            if token.kind != "word":
                self.fail(token)
            if token.text in ("any", "all") and self.sees("("):
                return self.quantifier(Path(tuple(segments)), token.text)
            segments.append(token.text)
        return Path(tuple(segments))

    def quantifier(self, path: Path, op: str) -> Lambda:
        self.expect("(")
        if self.accept(")"):
            return Lambda(path, op)
        variable = self.take()
        if variable.kind != "word":
            self.fail(variable)
        self.expect(":")
        body = self.either()
        self.expect(")")
        return Lambda(path, op, variable.text, body)

    def constant(self, token: _Token) -> Constant:
        text = token.text
        try:
            match token.kind:
                case "text":
                    return Constant("text", _unquoted(text))
                case "guid":
                    return Constant("guid", text.lower())
                case "json":
                    return Constant("json", json.loads(text))
                case "date":
                    return Constant("date", date.fromisoformat(text))
                case "datetime":
                    moment = datetime.fromisoformat(_micros(text))
                    return Constant("datetime", moment.astimezone(UTC))
                case _:
                    is_whole = text.lstrip("-").isdigit()
                    return Constant("number", int(text) if is_whole else float(text))
        except (ValueError, OverflowError):
            self.fail(token)


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")


def _micros(text: str) -> str:
    """Cut a fraction to the six digits that Python keeps."""
    return re.sub(r"(\.\d{6})\d+", r"\1", text.upper())
