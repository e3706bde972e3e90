"""Posted sales invoices: what is written besides their headers, either way."""
