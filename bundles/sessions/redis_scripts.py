"""The Lua scripts of the Redis store: Redis executes each without another command in between.

Keys, all with the prefix that is passed as KEYS[1], ``rxkernel:session:``
    ``data:<key>``      hash: ``id``, ``user``, ``address``, ``created``, ``used``, ``size``, and
                        ``v:<name>`` for each value
    ``id:<id>``         the key of the session with this id
    ``user:<user>``, ``address:<address>``
                        sorted sets of keys, by the time when the session expires

The scripts compute names of keys, so they do not work with Redis Cluster.
"""

_COMMON = """
local prefix = KEYS[1]
local function data(key) return prefix .. 'data:' .. key end
local function by_id(id) return prefix .. 'id:' .. id end
local function by_user(user) return prefix .. 'user:' .. user end
local function by_address(address) return prefix .. 'address:' .. address end

local function finish(key)
  local id, user, address = unpack(redis.call('HMGET', data(key), 'id', 'user', 'address'))
  if not id then return nil end
  redis.call('DEL', data(key), by_id(id))
  if user then redis.call('ZREM', by_user(user), key) end
  if address ~= '' then redis.call('ZREM', by_address(address), key) end
  return user and {id, user} or {id}
end

local function is_valid(key, now, idle, lifetime)
  local used, created = unpack(redis.call('HMGET', data(key), 'used', 'created'))
  return used and now < tonumber(used) + idle and now < tonumber(created) + lifetime
end

local function refresh(key, now, idle, lifetime)
  redis.call('HSET', data(key), 'used', string.format('%.6f', now))
  local id, user, address, created =
    unpack(redis.call('HMGET', data(key), 'id', 'user', 'address', 'created'))
  local expires = math.min(now + idle, tonumber(created) + lifetime)
  local ttl = math.max(1, math.ceil((expires - now) * 1000))
  redis.call('PEXPIRE', data(key), ttl)
  redis.call('PEXPIRE', by_id(id), ttl)
  local longest = math.ceil(lifetime * 1000)
  if user then
    redis.call('ZADD', by_user(user), string.format('%.6f', expires), key)
    redis.call('PEXPIRE', by_user(user), longest)
  end
  if address ~= '' then
    redis.call('ZADD', by_address(address), string.format('%.6f', expires), key)
    redis.call('PEXPIRE', by_address(address), longest)
  end
end

-- ARGV from *first*: name, 'set' or 'remove', value, and so on. False if the session would be
-- larger than *max_size*; nothing is changed then.
local function apply(key, first, max_size)
  local size = tonumber(redis.call('HGET', data(key), 'size') or '0')
  local is_written = false
  for i = first, #ARGV, 3 do
    local old = redis.call('HSTRLEN', data(key), 'v:' .. ARGV[i])
    if old > 0 then size = size - #ARGV[i] - old end
    if ARGV[i + 1] == 'set' then
      size = size + #ARGV[i] + #ARGV[i + 2]
      is_written = true
    end
  end
  if is_written and size > max_size then return false end
  for i = first, #ARGV, 3 do
    if ARGV[i + 1] == 'set' then
      redis.call('HSET', data(key), 'v:' .. ARGV[i], ARGV[i + 2])
    else
      redis.call('HDEL', data(key), 'v:' .. ARGV[i])
    end
  end
  redis.call('HSET', data(key), 'size', size)
  return true
end

local function end_oldest(user, key, now, max_per_user)
  redis.call('ZREMRANGEBYSCORE', by_user(user), '-inf', string.format('%.6f', now))
  local others = {}
  for _, other in ipairs(redis.call('ZRANGE', by_user(user), 0, -1)) do
    local created = redis.call('HGET', data(other), 'created')
    if not created then
      redis.call('ZREM', by_user(user), other)
    elseif other ~= key then
      table.insert(others, {tonumber(created), other})
    end
  end
  table.sort(others, function(a, b) return a[1] < b[1] end)
  local ended = {}
  for i = 1, #others + 1 - max_per_user do
    table.insert(ended, finish(others[i][2]))
  end
  return ended
end
"""

LOAD = (
    _COMMON
    + """
local key = redis.call('GET', by_id(ARGV[1]))
if not key then return nil end
local found = redis.call('HGETALL', data(key))
if #found == 0 then return nil end
return {key, found}
"""
)

# now idle lifetime ids…
EXISTING = (
    _COMMON
    + """
local now, idle, lifetime = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local found = {}
for i = 4, #ARGV do
  local key = redis.call('GET', by_id(ARGV[i]))
  if key and is_valid(key, now, idle, lifetime) then table.insert(found, ARGV[i]) end
end
return found
"""
)

# key id has_user user address now idle lifetime max_size max_per_user max_per_address changes…
CREATE = (
    _COMMON
    + """
local key, id, user, address = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
local now, idle, lifetime = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
if redis.call('EXISTS', data(key)) == 1 then return {'created'} end
if address ~= '' then
  redis.call('ZREMRANGEBYSCORE', by_address(address), '-inf', ARGV[6])
  if redis.call('ZCARD', by_address(address)) >= tonumber(ARGV[11]) then return {'address'} end
end
if not apply(key, 12, tonumber(ARGV[9])) then return {'size'} end
redis.call('HSET', data(key), 'id', id, 'address', address, 'created', ARGV[6])
if ARGV[3] == '1' then redis.call('HSET', data(key), 'user', user) end
redis.call('SET', by_id(id), key)
refresh(key, now, idle, lifetime)
local ended = {}
if ARGV[3] == '1' then ended = end_oldest(user, key, now, tonumber(ARGV[10])) end
return {'created', unpack(ended)}
"""
)

# key now idle lifetime max_size changes…
UPDATE = (
    _COMMON
    + """
local key, now, idle, lifetime = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if not is_valid(key, now, idle, lifetime) then return 'missing' end
if not apply(key, 6, tonumber(ARGV[5])) then return 'size' end
refresh(key, now, idle, lifetime)
return 'updated'
"""
)

# key old new has_user user now idle lifetime max_size max_per_user changes…
ROTATE = (
    _COMMON
    + """
local key, old, new, user = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1' and ARGV[5]
local now, idle, lifetime = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
if not is_valid(key, now, idle, lifetime) then return {'missing'} end
local id, before = unpack(redis.call('HMGET', data(key), 'id', 'user'))
if id == new then return {'rotated'} end
if id ~= old then return {'other'} end
if not apply(key, 11, tonumber(ARGV[9])) then return {'size'} end
redis.call('DEL', by_id(old))
redis.call('SET', by_id(new), key)
redis.call('HSET', data(key), 'id', new)
if before ~= user then
  if before then redis.call('ZREM', by_user(before), key) end
  if user then
    redis.call('HSET', data(key), 'user', user)
  else
    redis.call('HDEL', data(key), 'user')
  end
  redis.call('HSET', data(key), 'created', ARGV[6])
end
refresh(key, now, idle, lifetime)
local ended = {}
if user then ended = end_oldest(user, key, now, tonumber(ARGV[10])) end
return {'rotated', unpack(ended)}
"""
)

END = (
    _COMMON
    + """
return finish(ARGV[1])
"""
)

END_ALL = (
    _COMMON
    + """
local ended = {}
for _, key in ipairs(redis.call('ZRANGE', by_user(ARGV[1]), 0, -1)) do
  table.insert(ended, finish(key))
end
redis.call('DEL', by_user(ARGV[1]))
return ended
"""
)
