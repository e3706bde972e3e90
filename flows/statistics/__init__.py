"""Account statistics and the states of paid invoices."""
