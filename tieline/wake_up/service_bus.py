"""Notices from a queue of Azure Service Bus, where Dataverse posts to one."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from tieline.errors import RunError, SettingsError
from tieline.wake_up.notices import from_service_bus
from tieline.wake_up.receiver import Take
from tieline.wake_up_settings import WakeUpSettings

log = logging.getLogger(__name__)

PAUSE_S = 30.0
"""How long to wait before a queue that broke off is opened again."""


class Message(Protocol):
    """What is used of a message of the client library."""

    @property
    def body(self) -> Any:
        """The body: bytes, or pieces of them."""
        ...

    @property
    def application_properties(self) -> Mapping[Any, Any] | None:
        """The properties, names and values as text or bytes."""
        ...


class Queue(Protocol):
    """What is used of a receiver of the client library."""

    def __aiter__(self) -> AsyncIterator[Message]:
        """Give the messages as they come."""
        ...

    async def complete_message(self, message: Any) -> None:
        """Take a message off the queue."""
        ...


Opening = Callable[[], AbstractAsyncContextManager[Queue]]


def queue_of(settings: WakeUpSettings) -> Opening:
    """Return what opens the queue that the settings name.

    Raises:
        SettingsError: the client library is missing, or the connection string or the
            queue's name is.
    """
    try:
        library: Any = importlib.import_module("azure.servicebus.aio")
    except ImportError:
        msg = "wake_up.service_bus is set, but azure-servicebus is not installed."
        advice = "Install it: pip install 'tieline[service-bus]'."
        raise SettingsError(msg, advice=advice) from None
    text = settings.service_bus.get_secret_value()
    parts = dict(part.partition("=")[::2] for part in text.split(";") if part)
    name = settings.service_bus_queue or parts.get("EntityPath", "")
    if not name:
        msg = "The connection string of wake_up.service_bus names no queue."
        raise SettingsError(msg, advice="Set wake_up.service_bus_queue.")
    try:
        library.ServiceBusClient.from_connection_string(text)
    except ValueError:
        msg = "wake_up.service_bus is no connection string of Azure Service Bus."
        advice = "Copy it from the namespace's shared access policies."
        raise SettingsError(msg, advice=advice) from None

    def opening() -> AbstractAsyncContextManager[Queue]:
        client = library.ServiceBusClient.from_connection_string(text)
        return _Opened(client, name)

    return opening


class _Opened(AbstractAsyncContextManager[Queue]):
    """A client and its receiver, closed together."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._receiver = client.get_queue_receiver(queue_name=name)

    async def __aenter__(self) -> Queue:
        queue: Queue = await self._receiver.__aenter__()
        return queue

    async def __aexit__(self, *error: Any) -> None:
        await self._receiver.__aexit__(*error)
        await self._client.close()


async def take_from(opening: Opening, take: Take) -> None:
    """Take notices from a queue, for ever; one that breaks off is opened again."""
    while True:
        try:
            async with opening() as queue:
                await take_all(queue, take)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # Its text may hold the connection string's parts.
            kind = type(error).__name__
            log.warning("%s", RunError(f"Azure Service Bus broke off ({kind})."))
        await asyncio.sleep(PAUSE_S)


async def take_all(queue: Queue, take: Take) -> None:
    """Take each message's notice, then the message off the queue.

    A message that names no table is taken off, too: it would come again for ever.
    """
    async for message in queue:
        notice = from_service_bus(
            _bytes(message.body), message.application_properties or {}
        )
        if notice is None:
            log.warning("A message of Azure Service Bus names no table; dropped.")
        else:
            take([notice])
        await queue.complete_message(message)


def _bytes(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    return b"".join(piece for piece in body if isinstance(piece, bytes))
