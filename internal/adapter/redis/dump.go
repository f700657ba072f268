package redis

import (
	"context"
	"fmt"
	"strconv"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// Each calls yield with all scores of a day's board: "own" ones, those of the day alone,
// and then "live" ones. A score that changes meanwhile may be the old or the new one, and
// may come twice. An error of yield ends it and is returned.
func (b *Board) Each(ctx context.Context, day clock.Day, yield func(what string, productID, score int64) error) error {
	_, _, own, live := b.keys(day)
	if err := b.each(ctx, "own", own, yield); err != nil {
		return err
	}
	return b.each(ctx, "live", live, yield)
}

func (b *Board) each(ctx context.Context, what, key string, yield func(what string, productID, score int64) error) error {
	return b.scan(ctx, key, func(members []string, scores []int64) error {
		for i, m := range members {
			pid, err := productOf(m)
			if err == nil {
				err = yield(what, pid, scores[i])
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Scores returns the scores of some products, by product: those of the day alone and the
// live ones.
func (b *Board) Scores(ctx context.Context, day clock.Day, productIDs []int64) (own, live map[int64]int64, err error) {
	_, _, ownKey, liveKey := b.keys(day)
	if own, err = b.some(ctx, ownKey, productIDs); err != nil {
		return nil, nil, err
	}
	live, err = b.some(ctx, liveKey, productIDs)
	return own, live, err
}

func (b *Board) some(ctx context.Context, key string, productIDs []int64) (map[int64]int64, error) {
	found := make(map[int64]int64, len(productIDs))
	scores := make([]*goredis.FloatCmd, len(productIDs))
	err := b.do(ctx, "read scores", b.pipelined(func(ctx context.Context, p goredis.Pipeliner) {
		for i, pid := range productIDs {
			scores[i] = p.ZScore(ctx, key, member(pid))
		}
	}))
	if err != nil || len(productIDs) == 0 {
		return found, err
	}
	for i, s := range scores {
		if s.Err() == nil {
			found[productIDs[i]] = int64(s.Val())
		}
	}
	return found, nil
}

// scanCount is the number of members per scan. The embedded server sorts the whole
// set for each scan; a real server needs milliseconds for this many members.
const scanCount = 5000

// scan calls visit with the members of a sorted set, part by part. A member that is
// in the set during the whole scan is visited at least once.
func (b *Board) scan(ctx context.Context, key string, visit func(members []string, scores []int64) error) error {
	var cursor uint64
	for {
		var pairs []string
		err := b.patiently(ctx, "scan", func(ctx context.Context) (err error) {
			pairs, cursor, err = b.client.ZScan(ctx, key, cursor, "", scanCount).Result()
			return err
		})
		if err != nil {
			return err
		}
		members, scores, err := split(pairs)
		if err != nil {
			return err
		}
		if err := visit(members, scores); err != nil {
			return err
		}
		if cursor == 0 {
			return nil
		}
	}
}

// split separates a list of member, score, member, score and so on.
func split(pairs []string) (members []string, scores []int64, err error) {
	for i := 0; i+1 < len(pairs); i += 2 {
		score, err := strconv.ParseFloat(pairs[i+1], 64)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %q is not a score", ErrUnavailable, pairs[i+1])
		}
		members, scores = append(members, pairs[i]), append(scores, int64(score))
	}
	return members, scores, nil
}
