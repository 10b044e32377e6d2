-- Histories in Redis or Valkey: everything that has to be one step. Called as a script, `ARGV[1]` says for what.
-- A record is bytes as `orderguard/history/records.py` describes them; nothing but sizes is known of them here.
-- KEYS[1] is a hash about the store; then come the keys of ARGV[2] customers, then those of entities.

local HEADER = 16
local CUSTOMER = { mark = "ogc2", size = 41, kept = 48, seen = 32, silence = 180 * 86400, ttl = ARGV[3] }
local ENTITY = { mark = "oge2", size = 20, kept = 80, seen = 64, silence = 90 * 86400, ttl = ARGV[4] }
local PLACES = 12 -- six numbers of keys, two bytes each
local ORDER = PLACES + CUSTOMER.size + ENTITY.size

local LAST_CUSTOMER = 1 + tonumber(ARGV[2])

local function kind(place)
  return place <= LAST_CUSTOMER and CUSTOMER or ENTITY
end

-- The records under all keys. What is of another type or form is none, and is written over.
local function read()
  local records = {}
  for first = 2, #KEYS, 1000 do
    local found = redis.call("MGET", unpack(KEYS, first, math.min(first + 999, #KEYS)))
    for number, record in ipairs(found) do
      local place = first + number - 1
      local ours = false
      if record then
        local of = kind(place)
        local entries = (#record - HEADER) / of.size
        ours = entries > 0 and entries <= of.kept and entries % 1 == 0 and record:sub(1, 4) == of.mark and record
      end
      records[place] = ours
    end
  end
  return records
end

local function write(place, record)
  redis.call("SET", KEYS[place], record, "EX", kind(place).ttl)
end

local function moment(text, at)
  local value = struct.unpack("<d", text, at)
  return value
end

local function newest(record, of)
  local last = -math.huge
  for at = math.max(HEADER, #record - of.seen * of.size), #record - 1, of.size do
    last = math.max(last, moment(record, at + 5))
  end
  return last
end

local function starts_anew(record, placed, of)
  return placed - moment(record, #record - of.size + 5) > of.silence and placed - newest(record, of) > of.silence
end

local function holds(record, number, of)
  local at = record and record:find(number, HEADER + 1, true)
  while at do
    if (at - 1 - HEADER) % of.size == 0 then return true end
    at = record:find(number, at + 1, true)
  end
  return false
end

local function with_entry(record, entry, of)
  if not record or starts_anew(record, moment(entry, 5), of) then
    return of.mark .. entry:sub(5, 12) .. struct.pack("<I4", 1) .. entry
  end
  local count = math.min(struct.unpack("<I4", record, 13) + 1, 4294967295)
  local first = math.max(HEADER, #record + of.size - of.kept * of.size)
  return record:sub(1, 12) .. struct.pack("<I4", count) .. record:sub(first + 1) .. entry
end

local operations = {}

-- ARGV[5] is the moment, ARGV[6] the orders one after another, or nothing where they are not to be counted.
-- Returns how many orders the store had counted before, how many of these it counts, and the records from before.
function operations.take()
  local answer, records, changed, counted = {}, read(), {}, 0
  for place = 2, #KEYS do answer[1 + place] = records[place] end
  local orders = ARGV[6]
  for at = 1, #orders, ORDER do
    local places = { struct.unpack("<I2I2I2I2I2I2", orders, at) }
    local entry = orders:sub(at + PLACES, at + PLACES + CUSTOMER.size - 1)
    if not holds(records[places[1]], entry:sub(1, 4), CUSTOMER) then
      counted = counted + 1
      local of_entity = orders:sub(at + PLACES + CUSTOMER.size, at + ORDER - 1)
      for number = 1, 6 do
        local place = places[number]
        if place > 0 then
          records[place] = with_entry(records[place], number == 1 and entry or of_entity, kind(place))
          changed[place] = true
        end
      end
    end
  end
  answer[1] = tonumber(redis.call("HGET", KEYS[1], "counted") or 0)
  answer[2] = counted
  if counted > 0 then
    redis.call("HINCRBY", KEYS[1], "counted", counted)
    redis.call("HSETNX", KEYS[1], "since", ARGV[5])
    for place in pairs(changed) do write(place, records[place]) end
  end
  return answer
end

-- ARGV[5] is the moment, ARGV[6] the seed's name, then comes a record for each key. Returns how many were written.
function operations.seed()
  local known, written = read(), 0
  redis.call("HSETNX", KEYS[1], "since", ARGV[5])
  if ARGV[6] ~= "" then redis.call("HSET", KEYS[1], "seed", ARGV[6]) end
  for place = 2, #KEYS do
    local record, of = ARGV[5 + place], kind(place)
    if not known[place] or newest(known[place], of) < newest(record, of) then
      write(place, record)
      written = written + 1
    end
  end
  return written
end

-- ARGV[5] holds the digests of customers, four bytes each. Returns from how many entities they were removed.
function operations.forget()
  local records, forgotten, changed = read(), {}, 0
  for at = 1, #ARGV[5], 4 do forgotten[ARGV[5]:sub(at, at + 3)] = true end
  for place = 2, #KEYS do
    local record, left = records[place], {}
    local entries = record and (#record - HEADER) / ENTITY.size or 0
    for at = HEADER + 1, HEADER + entries * ENTITY.size, ENTITY.size do
      if not forgotten[record:sub(at + 12, at + 15)] then
        left[#left + 1] = record:sub(at, at + ENTITY.size - 1)
      end
    end
    if #left < entries then
      changed = changed + 1
      local count = struct.unpack("<I4", record, 13) - (entries - #left)
      local header = record:sub(1, 12) .. struct.pack("<I4", count)
      if #left == 0 then redis.call("DEL", KEYS[place])
      else redis.call("SET", KEYS[place], header .. table.concat(left), "KEEPTTL") end
    end
  end
  return changed
end

-- ARGV[5] is what to set under all keys, ARGV[6] for how many seconds; none: they go.
function operations.mark()
  for place = 2, #KEYS do
    if tonumber(ARGV[6]) > 0 then redis.call("SET", KEYS[place], ARGV[5], "EX", ARGV[6])
    else redis.call("DEL", KEYS[place]) end
  end
end

-- The same, unless one of the keys is known: then returns what is under it.
function operations.begin()
  for place = 2, #KEYS do
    local known = redis.call("GET", KEYS[place])
    if known then return known end
  end
  operations.mark()
end

return operations[ARGV[1]]()
