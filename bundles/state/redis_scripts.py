"""The Lua scripts of the log in Redis: Redis executes each without another command in between.

Keys
    KEYS[1]     hash: ``format`` (1); ``epoch``, the name of the log; ``position``, that of its
                last entry; ``token``, see `token_after`; ``image``, with ``image_position`` and
                ``image_token``; ``trimmed``, the position up to which entries were removed;
                ``parent`` and ``parent_position``: the log before, and how far its image knew it
    KEYS[2]     stream: an entry has the id ``<position>-0``, and the fields ``b``, the token
                before it, and ``e``, the entry
"""

# epoch, name of the entry, entry; 0 if there is another log
APPEND = """
local found = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'token')
if found[1] ~= ARGV[1] then return 0 end
local position = string.format('%.0f', tonumber(found[2]) + 1)
redis.call('XADD', KEYS[2], position .. '-0', 'b', found[3], 'e', ARGV[3])
redis.call('HSET', KEYS[1], 'position', position, 'token',
  redis.sha1hex(found[3] .. ':' .. ARGV[2]))
return 1
"""

# epoch position token image; 0 if there is another log, or one that has lost entries of the image
SAVE_IMAGE = """
local found = redis.call('HMGET', KEYS[1], 'epoch', 'image_position', 'position', 'token')
if found[1] ~= ARGV[1] then return 0 end
local before = tonumber(found[2])
if tonumber(ARGV[2]) <= before then return 1 end
local token = found[4]
if ARGV[2] ~= found[3] then
  local id = string.format('%.0f-0', tonumber(ARGV[2]) + 1)
  local following = redis.call('XRANGE', KEYS[2], id, id)[1]
  token = following and following[2][2]
end
if token ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'image', ARGV[4], 'image_position', ARGV[2],
  'image_token', ARGV[3], 'trimmed', found[2])
redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-0', before + 1))
return 1
"""

# old epoch, '' for none, its position, new epoch, parent, its position, image;
# 0 if the old log is another one; an error if the stream is not that of a log
SEED = """
local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'none' and kind ~= 'stream' then
  return redis.error_reply('WRONGTYPE ' .. KEYS[2] .. ' is a ' .. kind)
end
if kind == 'stream' then
  local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  if first and not (string.find(first[1], '^%d+%-0$') and #first[2] == 4 and
      first[2][1] == 'b' and first[2][3] == 'e') then
    return redis.error_reply('WRONGTYPE ' .. KEYS[2] .. ' has an entry that is not of a state')
  end
end
local found = redis.call('HMGET', KEYS[1], 'epoch', 'position')
if (found[1] or '') ~= ARGV[1] then return 0 end
if found[1] and found[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'format', '1', 'epoch', ARGV[3], 'position', '0', 'token', '',
  'trimmed', '0', 'parent', ARGV[4], 'parent_position', ARGV[5],
  'image', ARGV[6], 'image_position', '0', 'image_token', '')
redis.call('DEL', KEYS[2])
return 1
"""
