"""The pages for users say all there is, and nothing that is not."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel

from cli.main import tieline
from flows.jobs import MAPPINGS
from tieline import errors
from tieline.errors import TielineError
from tieline.override_shape import (
    AddedField,
    ConditionShape,
    FieldOverride,
    Override,
    TemplateShape,
)
from tieline.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}
ALL = "\n".join(TEXT.values())
CONFIGURE = TEXT[DOCS / "configure.md"]
CONTEXT = click.Context(tieline)
COMMANDS = {name: tieline.get_command(CONTEXT, name) for name in tieline.commands_at}
TYPED = re.compile(r"^(?:uv run )?tieline .*$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]*)(#[^)\s]*)?\)", re.DOTALL)


def _options(command: click.Command) -> set[str]:
    return {
        name
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def _settings(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """Yield the dotted keys of a model's plain values."""
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, UnionType):
            kind = get_args(kind)[0]
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings(kind, f"{before}{name}.")
        else:
            yield f"{before}{name}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_described(name: str) -> None:
    """Whoever reads the pages learns of all that the command can do."""
    assert f"tieline {name}" in ALL
    command = COMMANDS[name]
    assert command is not None
    for option in _options(command):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", ALL), option


def test_the_options_of_all_commands_are_described() -> None:
    """Those that stand before the command as well."""
    for option in _options(tieline):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", ALL), option


def _typed() -> list[str]:
    blocks = re.findall(r"```\w*\n(.*?)```", ALL, re.DOTALL)
    lines = [line for block in blocks for line in TYPED.findall(block)]
    return sorted(set(lines))


@pytest.mark.parametrize("line", _typed())
def test_every_command_shown_can_be_typed(line: str) -> None:
    """Commands, options, choices and jobs in the examples exist."""
    words = shlex.split(line.removeprefix("uv run ").removeprefix("tieline "))
    command = COMMANDS[words[0]]
    assert command is not None
    parsed = command.make_context(words[0], words[1:])
    if parsed.params.get("job") not in (None, "JOB"):
        assert parsed.params["job"] in MAPPINGS


def test_the_error_page_is_up_to_date() -> None:
    """It is what docs/write_errors.py makes of tieline/errors.py now."""
    script = runpy.run_path(str(DOCS / "write_errors.py"))
    assert script["page"]() == TEXT[DOCS / "errors.md"]
    codes = {
        found.code
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, TielineError)
    }
    assert codes == set(script["ADVICE"])


def test_every_code_on_a_page_exists() -> None:
    """No page names a code that no error has."""
    known = set(re.findall(r"^### (TL-\d{3})", TEXT[DOCS / "errors.md"], re.MULTILINE))
    assert set() == set(re.findall(r"TL-\d{3}", ALL)) - known


@pytest.mark.parametrize("key", _settings(Settings))
def test_every_setting_is_described(key: str) -> None:
    """Under its dotted key, or as a table of its own."""
    table = {
        "company": '[company."NAME"]',
        "mappings": "[mappings.JOB]",
        "schedules": "[schedules]",
    }
    assert table.get(key, f"`{key}`") in CONFIGURE


@pytest.mark.parametrize(
    "shape", [Override, FieldOverride, AddedField, TemplateShape, ConditionShape]
)
def test_every_key_of_an_override_is_described(shape: type[BaseModel]) -> None:
    """With all that a mapping's override may say."""
    for key in shape.model_fields:
        assert re.search(rf"`{key}[`.\s]", CONFIGURE), key


def test_the_overrides_shown_are_accepted(world) -> None:
    """Every TOML example can be put in force and the job be run."""
    for page in (CONFIGURE, TEXT[ROOT / "README.md"]):
        for example in re.findall(r"```toml\n(.*?)```", page, re.DOTALL):
            world.configure(re.sub(r"(?m)^(url|company) =.*$", "", example))
            report = world.run("CUSTOMER")
            assert ("", "Completed") == (report.error_code, report.state)


def test_the_emulator_example_runs(capsys) -> None:
    """The Python example works as it is printed."""
    (example,) = re.findall(
        r"```python\n(.*?)```", TEXT[DOCS / "emulators.md"], re.DOTALL
    )
    exec(compile(example, "emulators.md", "exec"), {})
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Files and headings that a page links to are there."""
    for target, anchor in LINK.findall(TEXT[page]):
        if re.match(r"[a-z]+:", target):
            continue
        found = (page.parent / target).resolve() if target else page
        assert found.is_file(), target
        if anchor:
            heads = re.findall(r"^#+ (.*)$", found.read_text("utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in heads]
            assert anchor.removeprefix("#") in slugs


def test_the_index_names_every_page() -> None:
    """README leads to each page."""
    readme = TEXT[ROOT / "README.md"]
    missing = [
        page.name
        for page in PAGES[1:]
        if f"({page.relative_to(ROOT).as_posix()})" not in readme
    ]
    assert [] == missing
