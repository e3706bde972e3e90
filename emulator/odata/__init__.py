"""Which parts of OData do both emulated services share? Syntax, not behaviour."""
