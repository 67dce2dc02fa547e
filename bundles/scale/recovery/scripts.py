"""The scripts by which Redis changes the log and the states of clients atomically."""

WRITE = """
local stream, meta, all, own = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local most, most_bytes, duration = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local bytes = tonumber(redis.call('HGET', meta, 'bytes') or 0)
local forgotten, last = false, false
if ARGV[4] == '1' then
    last = redis.call('XADD', stream, '*', 'f', '')
    redis.call('HSET', meta, 'gap', last)
end
for i = 5, #ARGV, 2 do
    local frame = ARGV[i + 1]
    last = redis.call('XADD', stream, '*', 'f', frame)
    bytes = bytes + #frame
    if ARGV[i] == '1' then
        redis.call('PUBLISH', all, last .. ' ' .. frame)
    end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = now - duration
local count = redis.call('XLEN', stream)
while count > 0 do
    local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
    local at = tonumber(string.match(first[1], '^%d+'))
    if count <= most and bytes <= most_bytes and at >= oldest then
        break
    end
    redis.call('XDEL', stream, first[1])
    count, bytes = count - 1, bytes - #first[2][2]
    forgotten = first[1]
end
redis.call('HSET', meta, 'bytes', bytes)
if forgotten then
    redis.call('HSET', meta, 'forgotten', forgotten)
end
redis.call('PEXPIRE', stream, 2 * duration)
redis.call('PEXPIRE', meta, 2 * duration)
local announced = tonumber(redis.call('HGET', meta, 'announced') or 0)
if #ARGV > 4 and ARGV[#ARGV - 1] == '1' then
    return
elseif ARGV[4] == '1' or now - announced > 250 then
    redis.call('HSET', meta, 'announced', now)
    redis.call('PUBLISH', all, last)
else
    redis.call('PUBLISH', own, last)
end
"""
"""Append events to the stream, publish those for other processes with their ids, and remove the
oldest ones above a limit. ``forgotten`` is the last entry that was removed. ``gap`` is an empty
entry that stands for events that could not be written. If the last event was not published, the id
of the last entry is published: to the writer only, or to all processes if the last time is more
than 250 milliseconds ago or there was a gap.

KEYS: the stream, its hash, the channel of all, the channel of the writer. ARGV: most events, most
bytes, milliseconds, 1 after a gap, then for each event 1 to publish it, and its frame.
"""

KEEP = """
local state, index = KEYS[1], KEYS[2]
local duration, most = tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('SET', state, ARGV[1], 'PX', duration)
redis.call('ZADD', index, string.format('%.0f', now + duration * 1000), state)
redis.call('ZREMRANGEBYSCORE', index, '-inf', string.format('%.0f', now))
local above = redis.call('ZCARD', index) - most
if above > 0 then
    local oldest = redis.call('ZPOPMIN', index, above)
    for i = 1, #oldest, 2 do
        redis.call('DEL', oldest[i])
    end
end
redis.call('PEXPIRE', index, duration)
"""
"""Store the state of a client, and remove the oldest states above the limit.

KEYS: the state, the index of all. ARGV: the state, milliseconds, most states.
"""
