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
const (
	// set writes the scores that are not older than those of the board. Without a
	// token it refuses those of weights of an earlier generation.
	// ARGV: token or "", its time to live in ms, expiry in s, generation, then per
	// member: member, version, own, live ("" where it has no place).
	setScript = `
if ARGV[1] ~= '' then
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
  local generation = redis.call('HGET', KEYS[2], '` + generationField + `')
  if generation and tonumber(ARGV[4]) < tonumber(generation) then return -1 end
end
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
for n = 2, 4 do redis.call('EXPIREAT', KEYS[n], ARGV[3]) end
return 1`

	// sweep removes the members that nobody has written since the build began.
	// ARGV: token, its time to live in ms, members.
	sweepScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
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
end
return 1`

	// finish marks the board as complete. ARGV: token, mark, expiry in s.
	finishScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('EXPIREAT', KEYS[1], ARGV[3])
return 1`
)

// scripts are sent to the server once and then called by their hash.
type scripts struct{ set, sweep, finish, snapshot *goredis.Script }

func newScripts() scripts {
	return scripts{
		set:      goredis.NewScript(setScript),
		sweep:    goredis.NewScript(sweepScript),
		finish:   goredis.NewScript(finishScript),
		snapshot: goredis.NewScript(snapshotScript),
	}
}
