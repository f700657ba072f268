package redis

import (
	"context"
	"fmt"
	"slices"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// snapshotScript copies the first places of a complete board, and answers how many there
// are, or -1 if the board is not complete. KEYS: those of the board, copy. ARGV:
// depth, time to live in ms. (ZRANGESTORE is missing in the embedded server.)
const snapshotScript = totalsScript + `
local mark = redis.call('GET', KEYS[1])
if not mark or string.sub(mark, 1, 6) ~= 'whole ' or not intact() then return -1 end
local top = redis.call('ZREVRANGE', KEYS[4], 0, tonumber(ARGV[1]) - 1, 'WITHSCORES')
local pairs = {}
for i = 1, #top, 2 do
  pairs[i] = top[i+1]
  pairs[i+1] = top[i]
end
for i = 1, #pairs, 1000 do
  redis.call('ZADD', KEYS[5], unpack(pairs, i, math.min(i + 999, #pairs)))
end
if #top > 0 then redis.call('PEXPIRE', KEYS[5], ARGV[2]) end
return #top / 2`

func (b *Board) snapshotKey(name string) string { return b.prefix + "ranking:{all}:snap:" + name }

// Snapshot copies the first places of a day's live ranking under a name for a time. It
// returns how many there are, and whether the board is complete; otherwise there is no copy.
// It is one script call, so the copy is a state that the board had.
func (b *Board) Snapshot(ctx context.Context, day clock.Day, name string, depth int64, keep time.Duration) (places int64, complete bool, err error) {
	keys := append(b.keyList(day), b.snapshotKey(name))
	err = b.soon(ctx, "take a snapshot", func(ctx context.Context) (err error) {
		places, err = b.scripts.snapshot.Run(ctx, b.client, keys, depth, keep.Milliseconds()).Int64()
		return err
	})
	return max(0, places), err == nil && places >= 0, err
}

// OfSnapshot is Top of a snapshot. It reports whether the snapshot is there: one without
// places never is.
func (b *Board) OfSnapshot(ctx context.Context, name string, offset, limit int64) (top []ranking.Entry, there bool, err error) {
	key := b.snapshotKey(name)
	var exists *goredis.IntCmd
	var places *goredis.ZSliceCmd
	err = b.soon(ctx, "read a snapshot", b.pipelined(func(ctx context.Context, p goredis.Pipeliner) {
		exists = p.Exists(ctx, key)
		places = p.ZRevRangeWithScores(ctx, key, offset, offset+limit-1)
	}))
	if err != nil {
		return nil, false, err
	}
	top, err = entries(places.Val(), offset)
	return top, exists.Val() > 0, err
}

// entries reads the places after an offset.
func entries(places []goredis.Z, offset int64) (top []ranking.Entry, err error) {
	for i, z := range places {
		pid, err := productOf(z.Member)
		if err != nil {
			return nil, err
		}
		top = append(top, ranking.Entry{Rank: offset + int64(i) + 1, ProductID: pid, Score: ranking.Points(z.Score)})
	}
	return top, nil
}

// Ranks returns the places of products in a day's live ranking, and whether the board is
// complete. Products without a place are missing.
func (b *Board) Ranks(ctx context.Context, day clock.Day, productIDs []int64) (ranks map[int64]int64, complete bool, err error) {
	places := make([]*goredis.IntCmd, len(productIDs))
	whole, err := b.read(ctx, "read ranks", day, func(ctx context.Context, p goredis.Pipeliner, live string) {
		for i, pid := range productIDs {
			places[i] = p.ZRevRank(ctx, live, member(pid))
		}
	})
	if err != nil || !whole {
		return nil, false, err
	}
	ranks = make(map[int64]int64, len(productIDs))
	for i, place := range places {
		if place.Err() == nil {
			ranks[productIDs[i]] = place.Val() + 1
		}
	}
	return ranks, true, nil
}

// LiveScores returns the live scores of the products that have a place on a day, and
// whether the board is complete. It is one round trip for 1,000 products.
func (b *Board) LiveScores(ctx context.Context, day clock.Day, productIDs []int64) (scores map[int64]int64, complete bool, err error) {
	scores = make(map[int64]int64, len(productIDs))
	for part := range slices.Chunk(productIDs, chunk) {
		if complete, err = b.liveScores(ctx, day, part, scores); err != nil || !complete {
			return nil, false, err
		}
	}
	return scores, true, nil
}

func (b *Board) liveScores(ctx context.Context, day clock.Day, part []int64, scores map[int64]int64) (complete bool, err error) {
	var found *goredis.Cmd
	whole, err := b.read(ctx, "read live scores", day, func(ctx context.Context, p goredis.Pipeliner, live string) {
		command := make([]any, 0, 2+len(part))
		command = append(command, "ZMSCORE", live) // ZMScore of the client reads a missing member as 0
		for _, pid := range part {
			command = append(command, member(pid))
		}
		found = p.Do(ctx, command...)
	})
	if err != nil || !whole {
		return false, err
	}
	list, err := found.Slice()
	if err != nil || len(list) != len(part) {
		return false, fmt.Errorf("%w: %d scores of %d products: %w", ErrUnavailable, len(list), len(part), err)
	}
	for i, score := range list {
		if s, ok := score.(float64); ok {
			scores[part[i]] = int64(s)
		}
	}
	return true, nil
}
