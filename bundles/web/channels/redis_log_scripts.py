"""The Lua scripts of events in Redis: Redis executes each without another command in between.

Keys, all with `PREFIX` after ``redis.prefix``, in one slot of a cluster:
    ``log``     hash: ``run``, the random part of the ids; ``last``, the number of the last event;
                ``size``, the bytes of the stream; ``server``, the run id of the Redis server
    ``events``  stream: the events of all channels, the id of each is ``0-<number>``. Numbers have
                no gaps, so a reader notices events that were removed before it has read them
    ``sent:<id>``  of an event, for some seconds: a client of Redis sends a command again if its
                connection is closed meanwhile

A Redis that was restarted, or a replica that has taken over, may lack the last events, and would
use their numbers again. So the first script that another server executes begins a new run.
"""

PREFIX = "{rxkernel:channels}"

NAMES = ("log", "events")
"""In the order of KEYS; `APPEND` also has the key ``sent:<id>``."""

_COMMON = """
local log, events, sent = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''

local function begin(new)
  redis.call('DEL', events)
  redis.call('HSET', log, 'run', new, 'server', server, 'size', 0)
  return new
end

local run, known = unpack(redis.call('HMGET', log, 'run', 'server'))
if not run or known ~= server then
  run = begin(ARGV[1])
end
"""
"""ARGV[1] is the random part of a new run. Times are milliseconds."""

APPEND = (
    _COMMON
    + """
local key, event, body = ARGV[2], ARGV[3], ARGV[4]
local most, most_bytes, age = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])

local function size_of(fields)
  return #fields[2] + #fields[4] + #fields[6] + #fields[8]
end

local function id_of(number)
  return string.format('0-%.0f', number)
end

if not redis.call('SET', sent, 1, 'NX', 'PX', ARGV[8]) then
  return
end
local number = redis.call('HINCRBY', log, 'last', 1)
local fields = {'time', string.format('%.0f', now), 'key', key, 'event', event, 'data', body}
redis.call('XADD', events, id_of(number), unpack(fields))
local length, size = redis.call('XLEN', events), size_of(fields)
if length > 1 then
  size = size + redis.call('HGET', log, 'size')
end
while length > 1 do
  local first = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
  if length <= most and size <= most_bytes and first[2][2] + age >= now then
    break
  end
  redis.call('XDEL', events, first[1])
  length, size = length - 1, size - size_of(first[2])
end
redis.call('HSET', log, 'size', size)
redis.call('PEXPIRE', events, age)
"""
)
"""The last event is never removed, so that the readers get it."""

READ = (
    _COMMON
    + """
local after, count = ARGV[3], ARGV[4]
if ARGV[2] ~= run then
  after = '0'
end
local first = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
local found = {}
if first then
  found = redis.call('XRANGE', events, '(0-' .. after, '+', 'COUNT', count)
end
return {run, redis.call('HGET', log, 'last') or '0', first and first[1] or '', now, found}
"""
)
"""Returns the run, its last number, the id of the first kept event, the time, and the events after
the number of the reader; all events if the run of the reader is another one."""
