"""The Lua scripts of queued tasks. Redis executes each as one atomic operation.

Keys, all with `PREFIX` after ``redis.prefix``, in one slot of a cluster:
    ``waiting``     list of ids, the next one first
    ``delayed``     sorted set of ids, by the time of their next run
    ``running``     sorted set of ids, by the time until which their worker owns them
    ``messages``    hash: the message of each id, as JSON
    ``takes``       hash: how often each id was taken. A worker sends this number with each change,
                    so that a worker that was paused cannot end the run of another worker
    ``losses``      hash: how often the worker of an id ended during its run
    ``signal``      list on which idle workers block
    ``result:<id>`` the outcome, as JSON

Times are those of Redis, in seconds.
"""

PREFIX = "{rxkernel:tasks}"

NAMES = ("waiting", "delayed", "running", "messages", "takes", "losses", "signal")
"""The names of the keys, in the order of KEYS."""

_COMMON = """
local waiting, delayed, running, messages, takes, losses, signal = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000

local function wake()
  redis.call('RPUSH', signal, 1)
  redis.call('LTRIM', signal, -100, -1)
end

local function is_owner(id, take)
  return redis.call('HGET', takes, id) == take and redis.call('ZSCORE', running, id)
end
"""

PUT = (
    _COMMON
    + """
local size, id, message = unpack(ARGV)
if redis.call('HLEN', messages) >= tonumber(size) and redis.call('HEXISTS', messages, id) == 0 then
  return 0
end
if redis.call('HSET', messages, id, message) == 1 then
  redis.call('RPUSH', waiting, id)
  wake()
end
return 1
"""
)
"""Returns 0 if the queue is full. A message that is put twice, after a lost connection, runs
once."""

TAKE = (
    _COMMON
    + """
local count, lost_after = tonumber(ARGV[1]), tonumber(ARGV[2])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', running, '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('ZREM', running, id)
  redis.call('HINCRBY', losses, id, 1)
  redis.call('LPUSH', waiting, id)
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('ZREM', delayed, id)
  redis.call('RPUSH', waiting, id)
end
local taken = {}
for _ = 1, count do
  local id = redis.call('LPOP', waiting)
  if not id then break end
  redis.call('ZADD', running, now + lost_after, id)
  local take = redis.call('HINCRBY', takes, id, 1)
  local lost = redis.call('HGET', losses, id) or '0'
  table.insert(taken, {id, redis.call('HGET', messages, id), tostring(take), lost})
end
return taken
"""
)
"""Returns for each task its id, its message, the number of times it was taken, and its losses."""

KEEP = (
    _COMMON
    + """
local lost = {}
for i = 2, #ARGV, 2 do
  if is_owner(ARGV[i], ARGV[i + 1]) then
    redis.call('ZADD', running, now + tonumber(ARGV[1]), ARGV[i])
  elseif redis.call('HEXISTS', messages, ARGV[i]) == 1 then
    table.insert(lost, ARGV[i])
  end
end
return lost
"""
)
"""Returns the ids that this worker does not own any more."""

FINISH = (
    _COMMON
    + """
local id, take, outcome, ttl = unpack(ARGV)
if not is_owner(id, take) then return 0 end
redis.call('ZREM', running, id)
for _, hash in ipairs({messages, takes, losses}) do redis.call('HDEL', hash, id) end
redis.call('SET', KEYS[8], outcome, 'PX', ttl)
return 1
"""
)

AGAIN = (
    _COMMON
    + """
local id, take, message, delay = unpack(ARGV)
if not is_owner(id, take) then return 0 end
redis.call('ZREM', running, id)
redis.call('HSET', messages, id, message)
if tonumber(delay) > 0 then
  redis.call('ZADD', delayed, now + tonumber(delay), id)
else
  redis.call('LPUSH', waiting, id)
  wake()
end
return 1
"""
)
