"""What is done to an account's money in Redis: one script an act, each of one account's keys only.

`money` (a hash) has the balance and the totals; `holds` what each call holds, and `leases` until when; `pending` what
ended calls owe whose charge the balance does not contain yet; `done` the calls of the last day that were settled;
`told` the newest booking that was told of an account while it was not known, for who is just reading an older balance.
The totals `held` and `pending` are changed where their members are, and nowhere else. Every act first gives back what
calls hold whose lease ran out, a bounded number of them.

An account is trusted while its `run` is the `run_id` of the Redis that is asked. A Redis that was restarted, restored
or failed over has another, and may have lost the last it was told: it is not believed until it has been told anew.
"""

from __future__ import annotations

KEYS = ("money", "holds", "leases", "pending", "done", "told")

DAY = 86_400_000  # milliseconds a settled call is known to be
READING = 60_000  # milliseconds that reading a balance may take
_EXPIRED = 100  # leases that one act ends, and settled calls that one forgets

_RUN = """
local function run() return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or 'unnamed' end
"""

_PRELUDE = f"""
local MONEY, HOLDS, LEASES, PENDING, DONE, TOLD = unpack(KEYS)
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function field(name) return tonumber(redis.call('HGET', MONEY, name) or 0) end
local function add(name, amount)
    if amount ~= 0 then redis.call('HINCRBY', MONEY, name, string.format('%.0f', amount)) end
end
local function holds(uuid) return tonumber(redis.call('HGET', HOLDS, uuid) or 0) end
local function set_hold(uuid, amount)
    add('held', amount - holds(uuid))
    if amount > 0 then
        redis.call('HSET', HOLDS, uuid, string.format('%.0f', amount))
    else
        redis.call('HDEL', HOLDS, uuid)
        redis.call('ZREM', LEASES, uuid)
    end
end
local function lease(uuid, milliseconds)
    redis.call('ZADD', LEASES, string.format('%.0f', now + milliseconds), uuid)
end
local function give_back()
    for _, uuid in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, {_EXPIRED})) do
        set_hold(uuid, 0)
    end
end
local function settled(uuid)
    return redis.call('ZSCORE', DONE, uuid) or redis.call('HEXISTS', PENDING, uuid) == 1
end
local function set_settled(uuid)
    redis.call('ZADD', DONE, string.format('%.0f', now), uuid)
    redis.call('PEXPIRE', DONE, {DAY})
    local old = redis.call('ZRANGEBYSCORE', DONE, '-inf', now - {DAY}, 'LIMIT', 0, {_EXPIRED})
    if #old > 0 then redis.call('ZREM', DONE, unpack(old)) end
end
local function owes(uuid)
    local amount, day = string.match(redis.call('HGET', PENDING, uuid) or '', '^(-?%d+) (.*)$')
    return tonumber(amount or 0), day
end
local function told() return tonumber(redis.call('GET', TOLD) or 0) end
local function is_booked(uuid)
    set_hold(uuid, 0)
    add('pending', -owes(uuid))
    redis.call('HDEL', PENDING, uuid)
    set_settled(uuid)
end
"""

# call, want, need, credit, day, spend_per_day or -1, lease, whether only asked; then, for who only asks of an account
# that Redis does not know: balance, day, spent
HOLD = (
    _RUN
    + _PRELUDE
    + """
local uuid, day, asking = ARGV[1], ARGV[5], ARGV[8] == '1'
local want, need, credit, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[6])
local known = redis.call('HGET', MONEY, 'run')
if not asking and known ~= run() then return {'unknown', 0, 0, 0, 0, 0} end
if not known and not ARGV[9] then return {'unknown', 0, 0, 0, 0, 0} end
give_back()
local balance, spent, of_day = field('balance'), field('spent'), redis.call('HGET', MONEY, 'day') or ''
if not known then balance, of_day, spent = tonumber(ARGV[9]), ARGV[10], tonumber(ARGV[11]) end
if day > of_day then
    spent = 0
    if not asking then redis.call('HSET', MONEY, 'day', day, 'spent', 0) end
end
local mine = holds(uuid)
local others = field('held') - mine
local available = balance + credit - others - field('pending')
local room = available
if most >= 0 then room = math.min(room, most - spent - others) end
local grant = math.max(math.min(want, room), math.min(want, mine), 0)
local refused = ''
if settled(uuid) or (grant < need and available < need) then refused = 'money'
elseif grant < need then refused = 'day' end
if refused ~= '' then return {refused, 0, available, others, spent, mine} end
if not asking then
    set_hold(uuid, grant)
    if grant > 0 then lease(uuid, ARGV[7]) end
end
return {'', grant, available, others, spent, mine}
"""
)

# call, what an act made it hold, what it held before
UNDO = (
    _PRELUDE
    + """
give_back()
if holds(ARGV[1]) == tonumber(ARGV[2]) then set_hold(ARGV[1], tonumber(ARGV[3])) end
"""
)

# call
RELEASE = (
    _PRELUDE
    + """
give_back()
set_hold(ARGV[1], 0)
"""
)

# call, amount, lease. What it holds stands, though its lease may have just run out; what Redis lost is held anew.
RENEW = (
    _PRELUDE
    + """
local uuid, amount = ARGV[1], tonumber(ARGV[2])
if settled(uuid) then
    set_hold(uuid, 0)
else
    if holds(uuid) == 0 then set_hold(uuid, amount) end
    if holds(uuid) > 0 then lease(uuid, ARGV[3]) end
end
give_back()
"""
)

# call, amount, day
SETTLE = (
    _PRELUDE
    + """
give_back()
local uuid, amount, day = ARGV[1], tonumber(ARGV[2]), ARGV[3]
set_hold(uuid, 0)
if settled(uuid) then return end
redis.call('HSET', PENDING, uuid, ARGV[2] .. ' ' .. day)
add('pending', amount)
set_settled(uuid)
local of_day = redis.call('HGET', MONEY, 'day')
if of_day == day then add('spent', amount)
elseif not of_day or day > of_day then redis.call('HSET', MONEY, 'day', day, 'spent', ARGV[2]) end
"""
)

# balance, ledger_id, then calls. An account that is not known stays so.
BOOKED = (
    _PRELUDE
    + f"""
give_back()
for index = 3, #ARGV do is_booked(ARGV[index]) end
local ledger_id = tonumber(ARGV[2])
if redis.call('HEXISTS', MONEY, 'ledger_id') == 1 then
    if ledger_id > field('ledger_id') then redis.call('HSET', MONEY, 'balance', ARGV[1], 'ledger_id', ARGV[2]) end
elseif ledger_id > told() then
    redis.call('SET', TOLD, ARGV[2], 'PX', {READING})
end
"""
)

# run, balance, ledger_id, day, spent, then calls whose charge the balance does not contain. 0: Redis has become
# another, or was told of a newer balance, or of more that is owed, which the balance may contain.
OPEN = (
    _RUN
    + _PRELUDE
    + """
give_back()
if redis.call('HGET', MONEY, 'run') == run() then return 1 end
if ARGV[1] ~= run() or tonumber(ARGV[3]) < math.max(field('ledger_id'), told()) then return 0 end
local unbooked = {}
for index = 6, #ARGV do unbooked[ARGV[index]] = true end
local spent = tonumber(ARGV[5])
for _, uuid in ipairs(redis.call('HKEYS', PENDING)) do
    if not unbooked[uuid] then return 0 end
    local amount, day = owes(uuid)
    if day == ARGV[4] then spent = spent + amount end
end
redis.call('HSET', MONEY, 'run', ARGV[1], 'balance', ARGV[2], 'ledger_id', ARGV[3], 'day', ARGV[4],
    'spent', string.format('%.0f', spent))
return 1
"""
)

LOOK = (
    _PRELUDE
    + """
give_back()
return {redis.call('HGETALL', MONEY), redis.call('HGETALL', HOLDS)}
"""
)

# run. The first time in a run, what calls held is forgotten: who rebuilds says what they hold now.
FORGET = (
    _RUN
    + _PRELUDE
    + """
if ARGV[1] ~= run() then return end
if redis.call('HGET', MONEY, 'run') == ARGV[1] or redis.call('HGET', MONEY, 'forgot') == ARGV[1] then return end
redis.call('DEL', HOLDS, LEASES)
redis.call('HDEL', MONEY, 'run')
redis.call('HSET', MONEY, 'held', 0, 'forgot', ARGV[1])
"""
)

# The run in which Redis was told of all that is held and owed, if it is the present one, and the present one.
READY = (
    _RUN
    + """
local present = run()
return {present, redis.call('GET', KEYS[1]) == present and 1 or 0}
"""
)

# run
SET_READY = (
    _RUN
    + """
if ARGV[1] ~= run() then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1
"""
)
