"""A read that is too much for the service is repeated halved, not at its size."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import orjson
import pandas as pd
import pytest

from tests.odata.fakes import ROOT, Time, client
from tieline.dataverse.api import open_reader
from tieline.dataverse.refusals import classify
from tieline.errors import Unavailable, VersionConflict
from tieline.odata.evidence import is_form, of_update
from tieline.odata.frames import Shape
from tieline.odata.model import Change, Column, Table
from tieline.odata.reading import FEWEST_ROWS, Reader

KEY = Column("accountid", "guid")
SHAPE = Shape(Table("account", "accounts", "accountid", {"id": KEY}), None, ())


class Service:
    """Manages `most` rows of a page, or operations of a batch; else it fails."""

    def __init__(self, most: int, failure: int | None) -> None:
        self.most, self.failure = most, failure
        self.asked: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        is_batch = request.url.path.endswith("$batch")
        if is_batch:
            size = request.content.count(b"HTTP/1.1")
        else:
            size = int(request.headers["Prefer"].partition("maxpagesize=")[2])
        self.asked.append(size)
        if size > self.most:
            if self.failure is None:
                raise httpx.ReadTimeout("silence", request=request)
            return httpx.Response(self.failure, json={"error": {"message": "Too big"}})
        if not is_batch:
            return httpx.Response(200, json={"value": []})
        part = (
            b"--b\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\n"
            b"Content-Type: application/json\r\n\r\n"
            + orjson.dumps({"value": [{"accountid": "a"}]})
            + b"\r\n"
        )
        content = part * size + b"--b--\r\n"
        kind = {"Content-Type": "multipart/mixed; boundary=b"}
        return httpx.Response(200, headers=kind, content=content)


@asynccontextmanager
async def reader(service: Service, time: Time) -> AsyncIterator[Reader]:
    """Read from a service, without waiting."""
    async with client(service, classify, time=time) as wired:
        yield open_reader(wired, ROOT)


FAILURES = pytest.mark.parametrize("failure", [None, 413, 504, 408])


@FAILURES
async def test_a_page_is_asked_for_with_half_its_rows(failure: int | None) -> None:
    """Nobody waits, and the next read of the session begins with what worked."""
    service, time = Service(1300, failure), Time()
    async with reader(service, time) as reading:
        for _ in range(2):
            pages = reading.pages(f"{ROOT}/accounts", SHAPE, "", page_rows=5000)
            assert [0] == [len(page.frame) async for page in pages]
    assert [5000, 2500, 1250, 1250] == service.asked
    assert [] == time.slept


@FAILURES
async def test_a_batch_is_cut_in_half(failure: int | None) -> None:
    """Each address is read once; later batches are as small as the one that worked."""
    service, time = Service(3, failure), Time()
    urls = [f"{ROOT}/accounts?$filter=name eq '{n}'" for n in range(8)]
    async with reader(service, time) as reading:
        assert [[{"accountid": "a"}]] * 8 == await reading.bodies(urls)
        assert [8, 4, 4, 2, 2, 2, 2] == sorted(service.asked, reverse=True)
        service.asked.clear()
        await reading.bodies(urls)
        assert [2, 2, 2, 2] == service.asked
    assert [] == time.slept


async def test_the_least_is_repeated_as_it_is() -> None:
    """A service that manages nothing is told as that, after the usual attempts."""
    service = Service(0, None)
    async with reader(service, Time()) as reading:
        with pytest.raises(Unavailable):
            _ = [
                page
                async for page in reading.pages(
                    f"{ROOT}/accounts", SHAPE, "", page_rows=100
                )
            ]
    assert {100, FEWEST_ROWS} == set(service.asked)
    assert 1 == service.asked.count(100)
    assert 1 < service.asked.count(FEWEST_ROWS)


@pytest.mark.parametrize(
    ("wrote", "read", "expected"),
    [
        ("Adatum ", "Adatum", True),
        ("A  B", "A B", True),
        ("040 123 456", "+4940123456", False),
        ("40 123 456", "+49 40 123456", True),
        ("12345", "1-23-45", True),
        ("1234", "91234", False),
        ("Adatum", "ADATUM", False),
        ("Adatum", "Litware", False),
        ("", "Litware", False),
        (5, 6, False),
    ],
)
def test_what_a_service_may_have_made_of_a_value(
    wrote: object, read: object, *, expected: bool
) -> None:
    """White space and the signs of a telephone number, and nothing else."""
    assert expected == is_form(wrote, read)


@pytest.mark.parametrize(
    ("moved", "number", "expected"),
    [
        (True, "+49 30 123456", None),
        (True, "999", VersionConflict),
        (False, "+49 30 123456", "again"),
    ],
)
def test_a_lost_answer_to_a_write_that_is_reformatted(
    *, moved: bool, number: str, expected: object
) -> None:
    """It was carried out where the row moved and holds a form of what was written."""
    row = Change("a", {"telephone1": "30123456"}, "1")
    frame = pd.DataFrame(
        {
            "id": ["a"],
            "version": ["2" if moved else "1"],
            "modified": [pd.NaT],
            "telephone1": [number],
        }
    ).set_index("id", drop=False)
    (found,) = of_update([row], frame, "dataverse")
    if expected == "again":
        assert found is None
    else:
        assert found is not None
        assert expected == (found.error and type(found.error))
