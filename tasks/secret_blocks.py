"""Lets settings name Prefect Secret blocks, and secrets in Azure Key Vault.

Who loads settings imports this; Prefect and Azure's library are loaded only where a
setting refers to them.
"""

from __future__ import annotations

from typing import Any

from tieline.secret_sources import register

SOURCE = "secret-block"


def read_block(name: str) -> str:
    """Return the value of a Prefect Secret block, on the server that Prefect uses.

    Raises:
        ValueError: there is no such block, it holds no text, or no server answers.
    """
    from prefect.blocks.system import Secret

    # The form for callers that have no loop; its declaration leaves the switch out.
    load: Any = Secret.load
    try:
        block = load(name, _sync=True)
    except ValueError:
        msg = f"Prefect has no Secret block {name}"
        raise ValueError(msg) from None
    except Exception as error:
        # Whatever Prefect's client meets: its texts quote requests.
        msg = f"the Secret block {name} cannot be read ({type(error).__name__})"
        raise ValueError(msg) from None
    value = block.get()
    if not isinstance(value, str):
        msg = f"the Secret block {name} holds no text"
        raise ValueError(msg)
    return value


def read_vault(identifier: str) -> str:
    """Return a secret of Azure Key Vault. Raises ValueError."""
    from tieline.key_vault import read_secret

    return read_secret(identifier)


register(SOURCE, read_block)
register("key-vault", read_vault)
