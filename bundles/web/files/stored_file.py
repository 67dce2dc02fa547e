"""The record of a stored upload."""

import attrs


@attrs.frozen
class StoredFile:
    """A file of a form, as `Uploads` has stored it.

    Attributes:
        path: below the folder of uploads: ``07/42/`` and a random code, never the client's name.
        field: the field of the form.
        name: as sent by the client, without a path; data, not a path to write to.
        content_type: as sent by the client; the content is not checked.
        size: in bytes.
        checksum: SHA-256, in hexadecimal.
    """

    path: str
    field: str
    name: str
    content_type: str
    size: int
    checksum: str
