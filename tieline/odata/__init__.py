"""One OData v4 client: signed in, paced, batched; the dialects build on it."""
