"""Reader for what the AL source of the companion app publishes.

A reader of just the forms that the app uses; that the files are AL at all is
checked by a grammar (test_companion_syntax).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

APP = Path(__file__).parents[2] / "deployments" / "business_central"

_PROPERTY = re.compile(r"^ {4}(\w+) = (.+);$", re.MULTILINE)
_CONTROL = re.compile(
    r"^ {16}(field|part)\(\"?(\w+)\"?; ([^\n]+)\)\n {16}\{\n(.*?)^ {16}\}",
    re.MULTILINE | re.DOTALL,
)
_SETTING = re.compile(r"^ {20}(\w+) = (.+);$", re.MULTILINE)
_VARIABLE = re.compile(r"^ {8}(\w+): (.+);$", re.MULTILINE)
_HEAD = re.compile(r"^(page|codeunit|permissionset) (\d+) \"(.+)\"$", re.MULTILINE)


@dataclass(frozen=True)
class Control:
    """A field or a part: its name, what it shows, its settings."""

    kind: str
    name: str
    shows: str
    settings: dict[str, str]

    @property
    def is_editable(self) -> bool:
        return self.settings.get("Editable") != "false"


@dataclass(frozen=True)
class AlPage:
    """One API page."""

    number: int
    name: str
    properties: dict[str, str]
    fields: tuple[Control, ...]
    parts: tuple[Control, ...]
    variables: dict[str, str]

    @property
    def table(self) -> str:
        return self.properties["SourceTable"].strip('"')

    def reference(self, control: Control) -> tuple[str, str] | None:
        """Return the table and the field that a control shows; None: a variable."""
        record, _, field = control.shows.partition(".")
        if not field:
            return None
        if record == "Rec":
            return self.table, field.strip('"')
        declared = self.variables[record].removeprefix("Record ")
        return declared.strip('"'), field.strip('"')


def sources() -> list[Path]:
    """Return every AL file of the app."""
    return sorted((APP / "src").rglob("*.al"))


def preprocessed(text: str, *symbols: str) -> str:
    """Return the text that the compiler sees when `symbols` are set."""
    kept, keeps = [], [True]
    for line in text.splitlines(keepends=True):
        word = line.split()
        if line.startswith("#if"):
            is_set = word[-1] in symbols
            keeps.append(is_set != (word[1] == "not"))
        elif line.startswith("#else"):
            keeps[-1] = not keeps[-1]
        elif line.startswith("#endif"):
            keeps.pop()
        elif all(keeps):
            kept.append(line)
    return "".join(kept)


def pages(*symbols: str) -> dict[str, AlPage]:
    """Return the API pages by entity set."""
    found = {}
    for path in sources():
        text = preprocessed(path.read_text(encoding="utf-8"), *symbols)
        head = _HEAD.search(text)
        if head is None or head[1] != "page":
            continue
        layout, _, code = text.partition("\n    var\n")
        controls = [
            Control(kind, name, shows, dict(_SETTING.findall(body)))
            for kind, name, shows, body in _CONTROL.findall(layout)
        ]
        page = AlPage(
            int(head[2]),
            head[3],
            {key: value.strip("'") for key, value in _PROPERTY.findall(layout)},
            tuple(item for item in controls if item.kind == "field"),
            tuple(item for item in controls if item.kind == "part"),
            dict(_VARIABLE.findall(code.partition("\n    trigger")[0])),
        )
        assert page.properties["EntitySetName"] not in found
        found[page.properties["EntitySetName"]] = page
    return found


def heads(*symbols: str) -> list[tuple[str, int, str]]:
    """Return kind, number and name of every object."""
    texts = [preprocessed(p.read_text(encoding="utf-8"), *symbols) for p in sources()]
    found = (match for text in texts for match in _HEAD.finditer(text))
    return [(match[1], int(match[2]), match[3]) for match in found]
