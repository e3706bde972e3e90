"""Tokens by the credentials of Azure Identity.

The ways to sign in of the Microsoft identity platform that need no code of ours: client
secret, certificate, managed identity, workload identity and, for a developer, the
Azure command line. https://learn.microsoft.com/python/api/overview/azure/identity-readme
"""

from __future__ import annotations

import asyncio
import time

import azure.identity
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError

from tieline.errors import SYSTEM_TITLES, SettingsError, SystemName, Unavailable
from tieline.odata.token import Token, refusal, service_codes
from tieline.service_settings import ServiceSettings, SignInMethod

RETRIES = 3
"""How often Azure Identity asks again by itself before it gives up."""

_ADVICE = {
    SignInMethod.CLIENT_SECRET: "Check tenant, client id and client secret.",
    SignInMethod.CERTIFICATE: "Check tenant, client id and certificate.",
    SignInMethod.MANAGED_IDENTITY: "Check that an identity is assigned to this host.",
    SignInMethod.WORKLOAD_IDENTITY: "Check the service account's federated identity.",
    SignInMethod.AZURE_CLI: "Run `az login` first.",
}


class AzureIdentity:
    """Issues tokens by a credential of Azure Identity, which runs in a thread."""

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        system: SystemName,
        scope: str,
        credential: TokenCredential | None = None,
    ) -> None:
        """Make the credential that the settings choose; tests bring their own."""
        self._system: SystemName = system
        self._method = settings.method
        self._scope = scope
        self._credential = credential or _credential(settings, system)

    async def issue(self) -> Token:
        """Return a new token.

        Raises:
            SignInRefused: the identity platform refuses the credential.
            Unavailable: this machine offers no such credential, or no answer came.
        """
        title, advice = SYSTEM_TITLES[self._system], _ADVICE[self._method]
        try:
            issued = await asyncio.to_thread(self._credential.get_token, self._scope)
        except azure.identity.CredentialUnavailableError:
            msg = f"There is no {self._method.words} here to sign in to {title} with."
            raise SettingsError(msg, advice=advice) from None
        except ClientAuthenticationError as error:
            # Its text quotes the request; only the platform's code is told.
            codes = service_codes(str(error)) or [self._method.value]
            raise refusal(self._system, codes, advice) from None
        except AzureError as error:
            msg = f"The sign-in to {title} got no answer ({type(error).__name__})."
            raise Unavailable(
                msg, system=self._system, advice="Check the network."
            ) from None
        return Token(issued.token, max(0.0, issued.expires_on - time.time()))


def _credential(settings: ServiceSettings, system: SystemName) -> TokenCredential:
    tenant, client = settings.tenant_id, settings.client_id
    match settings.method:
        case SignInMethod.CERTIFICATE:
            password = settings.certificate_password.get_secret_value()
            try:
                return azure.identity.CertificateCredential(
                    tenant,
                    client,
                    settings.certificate_path,
                    password=password or None,
                    retry_total=RETRIES,
                )
            except (OSError, ValueError) as error:
                # The text of a ValueError may quote the key.
                what = getattr(error, "strerror", None) or "it is no PEM or PKCS#12 key"
                msg = (
                    f"The certificate for {SYSTEM_TITLES[system]} at "
                    f"{settings.certificate_path} cannot be used: {what}."
                )
                raise SettingsError(
                    msg, advice="Check the path, the password and the file's rights."
                ) from None
        case SignInMethod.MANAGED_IDENTITY:
            return azure.identity.ManagedIdentityCredential(
                client_id=client or None, retry_total=RETRIES
            )
        case SignInMethod.WORKLOAD_IDENTITY:
            try:
                return azure.identity.WorkloadIdentityCredential(
                    tenant_id=tenant or None,
                    client_id=client or None,
                    retry_total=RETRIES,
                )
            except ValueError:
                msg = f"There is no workload identity to sign in to {system} with."
                raise SettingsError(
                    msg, advice="It needs AZURE_FEDERATED_TOKEN_FILE and its like."
                ) from None
        case SignInMethod.AZURE_CLI:
            return azure.identity.AzureCliCredential(tenant_id=tenant)
        case _:
            secret = settings.client_secret.get_secret_value()
            return azure.identity.ClientSecretCredential(
                tenant, client, secret, retry_total=RETRIES
            )
