package redis

import goredis "github.com/redis/go-redis/v9"

// chunk is the number of members per script call: it blocks Redis for a few
// milliseconds, and is below the limit of Lua's unpack.
const chunk = 1000

// generationField is the field of the versions that has the generation of the weights
// that the board is made with. The other fields are members, which are numbers.
const generationField = "weights"

// The keys of the scripts are those of Board.keys, in the same order. The scripts do
// not convert scores; they compare versions as numbers, which is exact below 2^53.
//
// Beside the versions stand the totals of the board: how many versions, own scores and
// live scores there are. A build begins them. The scripts that write change them by what
// they have added and removed. So if Redis loses a key, or members of one, the totals
// differ from the sizes of the keys, until the board is built again. If it loses the totals,
// no script makes new ones.
const (
	// totalsScript has the functions of the other scripts. refused returns what a script of a
	// build answers if the mark is not its token: 0 if another build has begun, -2 if the mark
	// is gone.
	totalsScript = `
local fields = {'` + versionsField + `', '` + ownField + `', '` + liveField + `'}
local function sizes()
  return {redis.call('HLEN', KEYS[2]) - ` + bookkeepingFields + `, redis.call('ZCARD', KEYS[3]), redis.call('ZCARD', KEYS[4])}
end
local function changed(before)
  local totals = redis.call('HMGET', KEYS[2], unpack(fields))
  local after = sizes()
  for n = 1, 3 do
    if totals[n] and after[n] ~= before[n] then
      redis.call('HINCRBY', KEYS[2], fields[n], after[n] - before[n])
    end
  end
end
local function intact()
  local totals, now = redis.call('HMGET', KEYS[2], unpack(fields)), sizes()
  for n = 1, 3 do
    if not totals[n] or tonumber(totals[n]) ~= now[n] then return false end
  end
  return true
end
local function refused(token)
  local mark = redis.call('GET', KEYS[1])
  if not mark then return -2 end
  if mark ~= token then return 0 end
  return nil
end
`

	// begin begins a build. ARGV: token, its time to live in ms, expiry in s, generation.
	beginScript = totalsScript + `
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('UNLINK', KEYS[2])
for n = 3, 4 do
  local kind = redis.call('TYPE', KEYS[n])
  if type(kind) == 'table' then kind = kind.ok end
  if kind ~= 'zset' then redis.call('UNLINK', KEYS[n]) end
end
redis.call('HSET', KEYS[2], '` + generationField + `', ARGV[4], fields[1], 0,
  fields[2], redis.call('ZCARD', KEYS[3]), fields[3], redis.call('ZCARD', KEYS[4]))
redis.call('EXPIREAT', KEYS[2], ARGV[3])
return 1`

	// set writes the scores that are not older than those of the board. Without a
	// token it refuses those of weights of an earlier generation.
	// ARGV: token or "", its time to live in ms, expiry in s, generation, then per
	// member: member, version, own, live ("" where it has no place).
	setScript = totalsScript + `
if ARGV[1] ~= '' then
  local no = refused(ARGV[1])
  if no then return no end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
  local generation = redis.call('HGET', KEYS[2], '` + generationField + `')
  if generation and tonumber(ARGV[4]) < tonumber(generation) then return -1 end
end
if #ARGV < 5 then return 1 end
local before = sizes()
local members = {}
for i = 5, #ARGV, 4 do members[#members+1] = ARGV[i] end
local kept = redis.call('HMGET', KEYS[2], unpack(members))
local versions, own, live, noown, nolive = {}, {}, {}, {}, {}
local function sort(score, none, member, some, rest)
  if score == none then rest[#rest+1] = member
  else some[#some+1] = score; some[#some+1] = member end
end
for n = 1, #members do
  local i = 4*n + 1
  if not kept[n] or tonumber(ARGV[i+1]) >= tonumber(kept[n]) then
    versions[#versions+1] = ARGV[i]; versions[#versions+1] = ARGV[i+1]
    sort(ARGV[i+2], '0', ARGV[i], own, noown)
    sort(ARGV[i+3], '', ARGV[i], live, nolive)
  end
end
if #versions > 0 then redis.call('HSET', KEYS[2], unpack(versions)) end
if #own > 0 then redis.call('ZADD', KEYS[3], unpack(own)) end
if #noown > 0 then redis.call('ZREM', KEYS[3], unpack(noown)) end
if #live > 0 then redis.call('ZADD', KEYS[4], unpack(live)) end
if #nolive > 0 then redis.call('ZREM', KEYS[4], unpack(nolive)) end
changed(before)
for n = 2, 4 do redis.call('EXPIREAT', KEYS[n], ARGV[3]) end
return 1`

	// sweep removes the members that nobody has written since the build began.
	// ARGV: token, its time to live in ms, members.
	sweepScript = totalsScript + `
local no = refused(ARGV[1])
if no then return no end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local before = sizes()
local members = {}
for i = 3, #ARGV do members[#members+1] = ARGV[i] end
local kept = redis.call('HMGET', KEYS[2], unpack(members))
local stale = {}
for n = 1, #members do
  if not kept[n] then stale[#stale+1] = members[n] end
end
if #stale > 0 then
  redis.call('ZREM', KEYS[3], unpack(stale))
  redis.call('ZREM', KEYS[4], unpack(stale))
  changed(before)
end
return 1`

	// finish marks the board as complete, unless it has lost something since the build
	// began: then it answers -3. ARGV: token, mark, expiry in s.
	finishScript = totalsScript + `
if redis.call('GET', KEYS[1]) == ARGV[2] then return 1 end
local no = refused(ARGV[1])
if no then return no end
if not intact() then return -3 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('EXPIREAT', KEYS[1], ARGV[3])
return 1`
)

// The fields of the versions that have the totals.
const (
	versionsField = "versions"
	ownField      = "own"
	liveField     = "live"
)

// bookkeepingFields is how many fields of the versions are not members: the generation
// and the totals.
const bookkeepingFields = "4"

// scripts are sent to the server once and then called by their hash.
type scripts struct{ begin, set, sweep, finish, snapshot *goredis.Script }

func newScripts() scripts {
	return scripts{
		begin:    goredis.NewScript(beginScript),
		set:      goredis.NewScript(setScript),
		sweep:    goredis.NewScript(sweepScript),
		finish:   goredis.NewScript(finishScript),
		snapshot: goredis.NewScript(snapshotScript),
	}
}
