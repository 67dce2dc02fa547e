"""The tables of sessions and refresh tokens.

Texts are stored as bytes, so that every database compares them exactly, and they may have a NUL.
Texts of any length have an additional column with their SHA-256, which is indexed.
"""

from sqlalchemy import Column, Double, Index, Integer, LargeBinary, MetaData, Table
from sqlalchemy.dialects.mysql import LONGBLOB, VARBINARY

METADATA = MetaData()
"""Migrations create these tables with those of the application, if a setting uses them."""

_SHORT = LargeBinary(255).with_variant(VARBINARY(255), "mysql", "mariadb")
_DIGEST = LargeBinary(32).with_variant(VARBINARY(32), "mysql", "mariadb")
_LONG = LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb")
_TIME: Double[float] = Double()
"""The type of times: seconds since the epoch."""

SESSION = Table(
    "rxkernel_session",
    METADATA,
    Column("session_key", _SHORT, primary_key=True),
    Column("id", _SHORT, nullable=False, unique=True),
    Column("identifier", _LONG),
    Column("identifier_digest", _DIGEST),
    Column("address", _SHORT, nullable=False),
    Column("created", _TIME, nullable=False),
    Column("used", _TIME, nullable=False),
    Column("content", _LONG, nullable=False),
    Index("rxkernel_session_identifier", "identifier_digest"),
    Index("rxkernel_session_address", "address"),
    Index("rxkernel_session_used", "used"),
    Index("rxkernel_session_created", "created"),
)

REFRESH_TOKEN = Table(
    "rxkernel_refresh_token",
    METADATA,
    Column("digest", _SHORT, primary_key=True),
    Column("family", _SHORT, nullable=False),
    Column("identifier", _LONG, nullable=False),
    Column("identifier_digest", _DIGEST, nullable=False),
    Column("access_id", _SHORT, nullable=False),
    Column("access_expires", _TIME, nullable=False),
    Column("expires", _TIME, nullable=False),
    Column("ends", _TIME, nullable=False),
    Column("used", _TIME),
    Column("uses", Integer, nullable=False),
    Index("rxkernel_refresh_token_family", "family"),
    Index("rxkernel_refresh_token_identifier", "identifier_digest"),
    Index("rxkernel_refresh_token_access", "access_id"),
    Index("rxkernel_refresh_token_expires", "expires"),
)

REVOKED_ACCESS = Table(
    "rxkernel_revoked_access",
    METADATA,
    Column("id", _SHORT, primary_key=True),
    Column("until", _TIME, nullable=False),
)

ENDED_USER = Table(
    "rxkernel_ended_user",
    METADATA,
    Column("identifier_digest", _DIGEST, primary_key=True),
    Column("moment", _TIME, nullable=False),
    Column("until", _TIME, nullable=False),
)
