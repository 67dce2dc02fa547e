"""Writes a client in TypeScript, which depends only on the two documents.

`module` writes it. `operations` reads the operations, `pushed_events` the pushed events, and
`components` and `schema_types` the types. `runtime.ts` is the same for each client.
"""

from bundles.apidocs.typescript.module import typescript_client

__all__ = ["typescript_client"]
