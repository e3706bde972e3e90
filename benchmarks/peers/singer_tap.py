"""The tap: customers of Business Central as Singer messages on stdout."""

from __future__ import annotations

from typing import Any, ClassVar

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import BaseHATEOASPaginator

from benchmarks.floor import FIELDS
from benchmarks.peers import PAGES


class _NextLinks(BaseHATEOASPaginator):
    def get_next_url(self, response: Any) -> Any:
        return response.json().get("@odata.nextLink")


class _Customers(RESTStream[Any]):
    name = "customers"
    records_jsonpath = "$.value[*]"
    primary_keys = ("id",)
    path = ""
    schema = th.PropertiesList(
        th.Property("id", th.StringType),
        *(
            th.Property(name, th.NumberType if name == "creditLimit" else th.StringType)
            for name in FIELDS
        ),
    ).to_dict()

    @property
    def url_base(self) -> str:
        return str(self.config["url"])

    @property
    def http_headers(self) -> dict[str, str]:
        return PAGES

    def get_new_paginator(self) -> _NextLinks:
        return _NextLinks()

    def prepare_request(self, context: Any, next_page_token: Any) -> Any:
        url = next_page_token.geturl() if next_page_token else self.url_base
        return self.build_prepared_request(
            method="GET", url=url, headers=self.http_headers
        )


class CustomersTap(Tap):
    """One stream."""

    name = "tap-customers"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("url", th.StringType, required=True)
    ).to_dict()

    def discover_streams(self) -> list[Any]:
        """Return the stream of customers."""
        return [_Customers(self)]


if __name__ == "__main__":
    CustomersTap.cli()
