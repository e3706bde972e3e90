"""The side of Dataverse: all that may be read from it and written to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from tieline.dataverse import choices
from tieline.dataverse.api import PATH, open_reader, open_schema
from tieline.dataverse.bulk import Bulk
from tieline.dataverse.refusals import classify, is_unknown_name
from tieline.dataverse.tracking import Deletions, deletions
from tieline.dataverse.values import SYNTAX, decoder
from tieline.dataverse.webhooks import Webhooks
from tieline.dataverse.writing import Writer
from tieline.errors import (
    DriftError,
    NotFound,
    Rejected,
    SettingsError,
    SystemName,
    Unavailable,
)
from tieline.odata.client import Client, is_web_page, not_an_api
from tieline.odata.located import Dialect, EntitySet
from tieline.odata.model import Change, Ref, Written
from tieline.odata.schema import MemoryCache, MetadataCache
from tieline.odata.side import ServiceSide
from tieline.odata.wire import Request, Wire
from tieline.settings import DataverseSettings

MOST_LANES = 8
_HEADERS = {
    "Accept": "application/json",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "If-None-Match": "null",
}
# Times are shown in whole seconds: a row changed later in the second of the
# watermark would be lost with "gt".
_MANNER = Dialect(SYNTAX, decoder, "modifiedon", "ge", is_unknown_name)


@dataclass(frozen=True)
class Identity:
    """Who we are, and where."""

    organization_id: str
    user_id: str
    business_unit_id: str


class Dataverse(ServiceSide):
    """One organisation of Dataverse. Get it from `connect`; close it."""

    name: SystemName = "dataverse"

    def __init__(
        self, client: Client, url: str, identity: Identity, cache: MetadataCache
    ) -> None:
        super().__init__(client)
        self._url = url
        self._root = f"{url}/{PATH}"
        self._identity = identity
        self._reader = open_reader(client, self._root)
        self._schema = open_schema(client, self._root, cache)
        self._bulk = Bulk(client, self._root, cache)
        self._language = 0

    @classmethod
    async def connect(
        cls,
        settings: DataverseSettings,
        *,
        cache: MetadataCache | None = None,
        wire: Wire | None = None,
    ) -> Dataverse:
        """Sign in and learn who we are; what `cache` knows is not asked again.

        Raises:
            SettingsError: address or credentials are missing or lead nowhere.
            SignInRefused: the credentials were refused.
            Unavailable: the service cannot be reached.

        """
        known = cache or MemoryCache()
        client = Client(
            settings,
            system="dataverse",
            scope=f"{settings.url}/.default",
            classify=classify,
            max_lanes=MOST_LANES,
            headers=_HEADERS,
            wire=wire or Wire(),
        )
        try:
            identity = await _who_am_i(client, settings.url, known)
        except BaseException:
            await client.aclose()
            raise
        return cls(client, settings.url, identity, known)

    @property
    def organization_id(self) -> str:
        """The organisation's id, lower-case GUID text."""
        return self._identity.organization_id

    @property
    def user_id(self) -> str:
        """The id of the user that we sign in as."""
        return self._identity.user_id

    async def roles(self) -> list[str] | None:
        """Return the security roles of the signed-in user, those of teams apart.

        None where the service does not tell.
        """
        located = await self._locate("systemuser", ())
        url = f"{located.base}({self.user_id})/systemuserroles_association"
        try:
            body = (await self._client.get(f"{url}?$select=name")).body
        except Rejected:
            return None
        rows = body.get("value") if isinstance(body, dict) else None
        return None if rows is None else sorted(str(row.get("name")) for row in rows)

    async def insert(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Create rows under the ids given; each row has its own result."""
        return await (await self._writer(table, rows)).insert(rows)

    async def update(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Change rows, with a version only if it is current; a result for each."""
        return await (await self._writer(table, rows)).update(rows)

    async def delete(self, table: str, rows: Sequence[Change]) -> list[Written]:
        """Delete rows (values are ignored); each row has its own result."""
        return await (await self._writer(table, ())).delete(rows)

    async def tracked_deletions(self, table: str, token: str | None) -> Deletions:
        """Read what was deleted since `token`; without one, begin to track."""
        located = await self._locate(table, ())
        return await deletions(self._client, self._root, located.table, token)

    async def option_labels(
        self, table: str, columns: Sequence[str]
    ) -> dict[str, dict[int, str]]:
        """Return value and label of the options of these columns; of all without."""
        return await choices.option_labels(self._client, self._root, table, columns)

    async def insert_option(
        self, table: str, column: str, label: str, *, value: int | None = None
    ) -> int:
        """Add an option in the organisation's language, publish it; its value.

        Without `value` the service chooses one.
        """
        if not self._language:
            self._language = await self._base_language()
        return await choices.insert_option(
            self._client,
            self._root,
            table,
            column,
            label,
            language=self._language,
            value=value,
        )

    async def bound_action(
        self, table: str, id: str, name: str, body: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a bound action of a row, by its bare name; its answer.

        Never repeated when it may have been carried out: then raises
        Unavailable with `maybe_done`.
        """
        located = await self._locate(table, ())
        request = Request(
            "POST",
            f"{located.base}({id})/Microsoft.Dynamics.CRM.{name}",
            headers={"Content-Type": "application/json; charset=utf-8"},
            content=orjson.dumps(dict(body or {}), default=float),
        )
        return (await self._client.send(request)).body

    def webhooks(self) -> Webhooks:
        """Return the webhooks of the organization."""
        return Webhooks(self._client, self._root)

    def address(self, table: str, id: str) -> str:
        """Return the address of the record's form, for people."""
        return f"{self._url}/main.aspx?etn={table}&id={id}&pagetype=entityrecord"

    async def _locate(self, name: str, columns: Sequence[str]) -> EntitySet:
        found = await self._schema.find(name)
        if found is not None and any(one not in found.table.columns for one in columns):
            await self._schema.reload()
            found = await self._schema.find(name)
        if found is None:
            msg = f"Dataverse has no table {name}."
            raise DriftError(msg)
        base = f"{self._root}/{found.table.set_name}"
        return EntitySet(self._reader, self._schema, found, base, _MANNER)

    async def _writer(self, table: str, rows: Sequence[Change]) -> Writer:
        located = await self._locate(table, ())
        known = located.table.columns
        targets = {
            target
            for row in rows
            for name, value in row.values.items()
            if value is not None and name in known
            for target in (
                [value.table] if isinstance(value, Ref) else known[name].targets
            )
        }
        set_names = {one: (await self.table(one)).set_name for one in sorted(targets)}
        return Writer(located, self._bulk, set_names)

    async def _base_language(self) -> int:
        url = f"{self._root}/organizations?$select=languagecode"
        body = (await self._client.get(url)).body
        rows = body.get("value") if isinstance(body, dict) else None
        return int((rows or [{}])[0].get("languagecode") or 1033)


async def _who_am_i(client: Client, url: str, cache: MetadataCache) -> Identity:
    key = f"dataverse-identity:{url}"
    if text := cache.get(key):
        return Identity(**orjson.loads(text))
    try:
        answer = await client.get(f"{url}/{PATH}/WhoAmI")
    except NotFound:
        msg = f"There is no Dataverse Web API at {url}."
        advice = "TIELINE_DATAVERSE__URL is the organisation's root."
        raise SettingsError(msg, advice=advice) from None
    body = answer.body
    if is_web_page(answer):
        raise not_an_api("dataverse", answer)
    if not isinstance(body, dict) or "OrganizationId" not in body:
        msg = f"The service at {url} does not answer as Dataverse does."
        raise Unavailable(msg, system="dataverse", status=answer.status)
    names = ("OrganizationId", "UserId", "BusinessUnitId")
    identity = Identity(*(str(body.get(name) or "").lower() for name in names))
    cache.put(key, orjson.dumps(asdict(identity)).decode())
    return identity
