"""OData syntax that both emulated services share; behaviour is left to each service."""
