"""`tieline couplings`: list the couplings of a job and how each one fares."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from cli.command import ReportingCommand
from cli.companies import company_in
from cli.errors import waiting_for
from cli.in_force import load_checked
from cli.output import print_json_list, print_table
from tieline.job_names import job_name
from tieline.wording import counted

if TYPE_CHECKING:
    from tieline.store import Store

COLUMNS = (
    "bc_id",
    "dataverse_id",
    "bc_modified",
    "dataverse_modified",
    "to_result",
    "from_result",
    "skipped",
    "waiting_for",
)
SHOWN_COLUMNS = ("record", *COLUMNS[2:], *COLUMNS[:2])
"""On the terminal, the number or code comes first, ids last."""
SHOWN = 200


@click.command(cls=ReportingCommand)
@click.argument("job")
@click.option("--skipped", is_flag=True, help="Only those that runs skip.")
@click.option("--company", metavar="C", help="The company, by name or id.")
def couplings(job: str, *, skipped: bool, company: str | None, as_json: bool) -> None:
    """List the couplings of JOB."""
    from tieline.store import Store

    name = job_name(job)
    settings = load_checked()
    with Store.open(settings.store.address) as store:
        found = company_in(store, settings, company)
        pages = _pages(store, found, name, skipped=skipped)
        if as_json:
            print_json_list(map(_without_names, pages))
            return
        _print_some([row for page in islice(pages, 1) for row in page], name)
        if found is not None and not skipped:
            number = store.count_couplings(found, name)
            click.echo(f"{counted(number, 'coupling')} in all.")


def _pages(
    store: Store, company: str | None, name: str, *, skipped: bool
) -> Iterator[list[dict[str, Any]]]:
    if company is None:
        return
    waiting: dict[tuple[str, str], str | None] = {
        (row.direction, row.source_id): waiting_for(row)
        for row in store.list_errors(company, name)
        if row.waiting_mapping is not None
    }
    for known in store.each_coupling_page(company, name, skipped=skipped or None):
        page = []
        for coupling in known:
            row: dict[str, Any] = {name: coupling[name] for name in COLUMNS[:-1]}
            row["record"] = coupling["bc_key"]
            to = ("to-dataverse", row["bc_id"])
            back = ("from-dataverse", row["dataverse_id"])
            row["waiting_for"] = waiting.get(to) or waiting.get(back)
            page.append(row)
        yield page


def _without_names(page: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{column: row[column] for column in COLUMNS} for row in page]


def _print_some(rows: list[dict[str, Any]], name: str) -> None:
    shown = [[row[column] for column in SHOWN_COLUMNS] for row in rows[:SHOWN]]
    print_table(f"Couplings of {name}", SHOWN_COLUMNS, shown)
    if len(rows) > SHOWN:
        click.echo(f"These are the first {SHOWN}; --json lists all.")
