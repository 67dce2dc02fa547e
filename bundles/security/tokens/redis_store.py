"""Refresh tokens and revocations in Redis, which processes of several machines share.

All keys have one hash tag, after ``redis.prefix``, so they are on one node of a cluster, and each
script is atomic. The scripts need Redis 7 or Valkey.

``token:<digest>``         hash with the record as JSON and the time of its first use
``access:<jti>``           the digest of the token that was made with this access token
``family:<family>``        set of digests        ``user:<identifier>``   set of families
``revoked:<jti>``          an access token       ``ended:<identifier>``  when its tokens ended
"""

import json
from collections.abc import Sequence
from typing import Any

import attrs
from injector import inject

from bundles.redis import Redis, RedisSettings
from bundles.security.tokens.store import (
    MOST_USES,
    EndedAccess,
    RefreshRecord,
    RotationResult,
    TokenStore,
)

_PREFIX = "{rxkernel:security}:"

_KEEP = """
local function keep(prefix, text, expires, ends)
    local record = cjson.decode(text)
    local token = prefix .. 'token:' .. record.digest
    redis.call('HSET', token, 'record', text)
    redis.call('PEXPIREAT', token, expires)
    redis.call('SET', prefix .. 'access:' .. record.access_id, record.digest, 'PXAT', expires)
    local family = prefix .. 'family:' .. record.family
    redis.call('SADD', family, record.digest)
    redis.call('PEXPIREAT', family, ends)
    local user = prefix .. 'user:' .. record.identifier
    redis.call('SADD', user, record.family)
    -- Remove some families that have expired; checking all would take longer with each login.
    for _, name in ipairs(redis.call('SRANDMEMBER', user, 20)) do
        local known = redis.call('EXISTS', prefix .. 'family:' .. name)
        if known == 0 then redis.call('SREM', user, name) end
    end
    if tonumber(ends) > redis.call('PEXPIRETIME', user) then
        redis.call('PEXPIREAT', user, ends)
    end
end
"""

_ADD = _KEEP + "keep(ARGV[1], ARGV[2], ARGV[3], ARGV[4])"

_ROTATE = (
    _KEEP
    + """
local token, now, grace = ARGV[1] .. 'token:' .. ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local text, used = unpack(redis.call('HMGET', token, 'record', 'used'))
if not text or cjson.decode(text).expires <= now then return 'unknown' end
if used and now >= tonumber(used) + grace then return 'reused' end
if redis.call('HINCRBY', token, 'uses', 1) > tonumber(ARGV[8]) then return 'too_many' end
if not used then redis.call('HSET', token, 'used', ARGV[6]) end
keep(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
return 'done'
"""
)

_REMOVE = """
local function remove(prefix, family)
    local removed = {}
    for _, digest in ipairs(redis.call('SMEMBERS', prefix .. 'family:' .. family)) do
        local token = prefix .. 'token:' .. digest
        local text = redis.call('HGET', token, 'record')
        if text then
            removed[#removed + 1] = text
            redis.call('DEL', token, prefix .. 'access:' .. cjson.decode(text).access_id)
        end
    end
    redis.call('DEL', prefix .. 'family:' .. family)
    return removed
end
"""

_END_FAMILY = (
    _REMOVE
    + """
local removed = remove(ARGV[1], ARGV[2])
for _, text in ipairs(removed) do
    local record = cjson.decode(text)
    if record.access_expires > tonumber(ARGV[3]) then
        local moment = string.format('%.0f', record.access_expires * 1000)
        redis.call('SET', ARGV[1] .. 'revoked:' .. record.access_id, 1, 'PXAT', moment)
    end
end
return removed
"""
)

_END_USER = (
    _REMOVE
    + """
local prefix, identifier = ARGV[1], ARGV[2]
local user = prefix .. 'user:' .. identifier
for _, family in ipairs(redis.call('SMEMBERS', user)) do remove(prefix, family) end
redis.call('DEL', user)
redis.call('SET', prefix .. 'ended:' .. identifier, ARGV[3], 'PXAT', ARGV[4])
"""
)


class RedisTokenStore(TokenStore):
    """Redis removes expired keys itself. While it is down, the bundle `redis` responds with
    503."""

    @inject
    def __init__(self, client: Redis, redis: RedisSettings) -> None:
        self._client = client
        self._prefix = redis.key(_PREFIX)
        self._add = client.register_script(_ADD)
        self._rotate = client.register_script(_ROTATE)
        self._end_family = client.register_script(_END_FAMILY)
        self._end_user = client.register_script(_END_USER)

    async def add(self, record: RefreshRecord, now: float) -> None:
        await self._add(args=self._kept(record))

    async def find(self, digest: str, now: float) -> RefreshRecord | None:
        return _valid(await self._client.hget(f"{self._prefix}token:{digest}", "record"), now)

    async def find_by_access(self, access_id: str, now: float) -> RefreshRecord | None:
        digest = await self._client.get(f"{self._prefix}access:{access_id}")
        return None if digest is None else await self.find(_text(digest), now)

    async def rotate(
        self, digest: str, record: RefreshRecord, now: float, grace: float
    ) -> RotationResult:
        done = await self._rotate(
            args=[*self._kept(record), digest, repr(now), repr(grace), MOST_USES]
        )
        return RotationResult(_text(done))

    async def end_family(self, family: str, now: float) -> Sequence[EndedAccess]:
        records = [
            _record(text)
            for text in await self._end_family(args=[self._prefix, family, repr(now)])
        ]
        return [
            EndedAccess(record.access_id, record.access_expires)
            for record in records
            if record.access_expires > now
        ]

    async def end_user(self, identifier: str, now: float, until: float) -> None:
        await self._end_user(args=[self._prefix, identifier, repr(now), _milliseconds(until)])

    async def revoke(self, access_id: str, until: float, now: float) -> None:
        await self._client.set(f"{self._prefix}revoked:{access_id}", 1, pxat=_milliseconds(until))

    async def is_revoked(self, access_id: str, identifier: str, issued: float) -> bool:
        names = (f"{self._prefix}revoked:{access_id}", f"{self._prefix}ended:{identifier}")
        revoked, ended = await self._client.mget(names)
        return revoked is not None or (ended is not None and issued <= float(ended))

    def _kept(self, record: RefreshRecord) -> list[str | int]:
        """The arguments of the function ``keep`` of the scripts."""
        text = json.dumps(attrs.asdict(record))
        return [self._prefix, text, _milliseconds(record.expires), _milliseconds(record.ends)]


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _record(text: bytes | str) -> RefreshRecord:
    fields: dict[str, Any] = json.loads(text)
    return RefreshRecord(**fields)


def _valid(text: bytes | str | None, now: float) -> RefreshRecord | None:
    record = None if text is None else _record(text)
    return record if record is not None and record.expires > now else None
