"""Writes a client in TypeScript: a function of the two documents, and of nothing else.

`module` writes it. `operations` reads what can be called, `pushed_events` what is pushed,
`components` and `schema_types` the types; `runtime.ts` is the same for each client.
"""

from bundles.apidocs.typescript.module import typescript_client

__all__ = ["typescript_client"]
