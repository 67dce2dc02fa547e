"""The Lua scripts of the schedules in Redis. Redis executes each as one atomic operation.

Keys, all with `PREFIX` after ``redis.prefix``, in one slot of a cluster:
    ``lease``    the token of the process that runs the tasks; it expires
    ``version``  is incremented with each change
    ``plans``    hash: each task by its id, as JSON, without its due time and its record
    ``dues``     hash: the due time of each task, in seconds since the epoch; empty: never again
    ``records``  hash: the record of each task, as JSON, without its due time

A script that changes tasks returns the new version.
"""

PREFIX = "{rxkernel:tasks}"

NAMES = ("lease", "version", "plans", "dues", "records")
"""The names of the keys, in the order of KEYS."""

ACQUIRE = """
local token, before, ttl = unpack(ARGV)
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= before then
  return 0
end
redis.call('SET', KEYS[1], token, 'PX', ttl)
return 1
"""
"""Returns 0 if another process has the lease."""

KEEP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
"""Returns 0 if the lease has expired, whether or not another process has it now."""

RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 1
"""

SAVE = """
local token, id, is_declared, plan, due, record = unpack(ARGV)
if redis.call('GET', KEYS[1]) ~= token then
  return -1
end
if is_declared == '0' and redis.call('HEXISTS', KEYS[3], id) == 0 then
  return 0
end
redis.call('HSET', KEYS[3], id, plan)
redis.call('HSET', KEYS[4], id, due)
redis.call('HSET', KEYS[5], id, record)
return redis.call('INCR', KEYS[2])
"""
"""Returns -1 without the lease; 0 if the task was removed."""

ADD = """
local id, plan, due, record = unpack(ARGV)
redis.call('HSET', KEYS[3], id, plan)
redis.call('HSET', KEYS[4], id, due)
redis.call('HSET', KEYS[5], id, record)
return redis.call('INCR', KEYS[2])
"""

SAVE_RECORD = """
local id, is_declared, plan, due, record = unpack(ARGV)
if redis.call('HEXISTS', KEYS[3], id) == 0 then
  if is_declared == '0' then
    return 0
  end
  redis.call('HSET', KEYS[3], id, plan)
  redis.call('HSET', KEYS[4], id, due)
end
redis.call('HSET', KEYS[5], id, record)
return redis.call('INCR', KEYS[2])
"""
"""Returns 0 if the task was removed."""

REMOVE = """
local number = 0
for _, id in ipairs(ARGV) do
  number = number + redis.call('HDEL', KEYS[3], id)
  redis.call('HDEL', KEYS[4], id)
  redis.call('HDEL', KEYS[5], id)
end
return {number, redis.call('INCR', KEYS[2])}
"""
