"""Secrets out of Azure Key Vault, by their identifier.

The vault is signed in to with what the machine offers: a workload or managed identity,
or the Azure command line. Needs the extra `keyvault`.
https://learn.microsoft.com/python/api/overview/azure/keyvault-secrets-readme
"""

from __future__ import annotations

from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.identity import CredentialUnavailableError, DefaultAzureCredential

_PATIENCE = {"retry_total": 1, "connection_timeout": 10, "read_timeout": 10}
"""How often, and how many seconds, a vault is waited for."""


def read_secret(
    identifier: str, *, credential: TokenCredential | None = None, **options: Any
) -> str:
    """Return the secret of an identifier, https://VAULT/secrets/NAME[/VERSION].

    `options` go to the client of Azure's library; tests bring their own.

    Raises:
        ValueError: it is no identifier, or the vault does not give the secret away.
    """
    try:
        from azure.keyvault.secrets import (  # noqa: PLC0415 - an optional extra
            KeyVaultSecretIdentifier,
            SecretClient,
        )
    except ImportError:
        msg = "Azure Key Vault needs the extra: pip install 'tieline[keyvault]'"
        raise ValueError(msg) from None
    try:
        named = KeyVaultSecretIdentifier(identifier)
    except ValueError:
        named = None
    if named is None or not identifier.startswith("https://") or not named.name:
        msg = "a key-vault reference ends in https://VAULT/secrets/NAME"
        raise ValueError(msg)
    client = SecretClient(
        named.vault_url,
        credential or DefaultAzureCredential(),
        **_PATIENCE | options,
    )
    try:
        with client:
            found = client.get_secret(named.name, named.version)
    except AzureError as error:
        # Their texts quote requests; what is told is which secret, and why not.
        msg = f"{named.name} of {named.vault_url} {_reason(error)}"
        raise ValueError(msg) from None
    return found.value or ""


def _reason(error: AzureError) -> str:
    if isinstance(error, ResourceNotFoundError):
        return "is not there"
    if isinstance(error, CredentialUnavailableError):
        return "cannot be had: this machine has no identity to sign in with"
    if isinstance(error, ClientAuthenticationError):
        return "cannot be had: the sign-in was refused"
    if isinstance(error, HttpResponseError) and error.status_code:
        return f"cannot be had: status {error.status_code}"
    return f"cannot be had: no answer ({type(error).__name__})"
