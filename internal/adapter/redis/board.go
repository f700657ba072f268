package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// Board keeps the live ranking of each day until ranking.Expiry. It is safe for
// concurrent use, by many programs at once. Every error is ErrAway, or
// ranking.ErrSuperseded where that is said.
type Board struct {
	client  *goredis.Client
	prefix  string
	now     clock.Clock
	gate    *gate
	scripts scripts
	// attempts tells this process's builds apart.
	attempts atomic.Int64
}

// NewBoard returns a board whose keys begin with prefix, so that many shops can
// share a server.
func NewBoard(client *goredis.Client, prefix string, now clock.Clock, log *slog.Logger) *Board {
	return &Board{
		client: client, prefix: prefix, now: now,
		gate: &gate{now: now, log: log}, scripts: newScripts(),
	}
}

// keys are the keys of a day: the mark that says whether the board is whole,
// the versions, the scores of the day alone, and the live ranking. They share a
// hash tag, so that a cluster keeps them on one slot and a script may touch all.
func (b *Board) keys(day clock.Day) (mark, versions, own, live string) {
	all := b.prefix + "ranking:{all}:"
	return all + "whole:" + day.String(), all + "ver:" + day.String(), all + "own:" + day.String(), all + day.String()
}

func (b *Board) keyList(day clock.Day) []string {
	mark, versions, own, live := b.keys(day)
	return []string{mark, versions, own, live}
}

// do lets f talk to Redis unless it has just been found away.
func (b *Board) do(ctx context.Context, what string, f func(ctx context.Context) error) error {
	if !b.gate.enter() {
		return fmt.Errorf("%s: %w", what, ErrAway)
	}
	// Dialling and retries included.
	limited, cancel := context.WithTimeout(ctx, 2*b.client.Options().ReadTimeout)
	defer cancel()
	err := f(limited)
	b.gate.leave(err, ctx.Err() != nil)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", what, ErrAway, err)
	}
	return nil
}

// Set writes the scores of a day, each product at most once, except those that
// are older than what the board has. It is one step per 1,000 products. Scores
// beyond 2^53 micro points (nine thousand million points) cannot be told apart
// and are written as 2^53. A day whose board has expired is passed over.
func (b *Board) Set(ctx context.Context, day clock.Day, scores []ranking.Score) error {
	return b.write(ctx, day, "", scores)
}

// write is Set, and on behalf of a build if it is given the build's token.
func (b *Board) write(ctx context.Context, day clock.Day, token string, scores []ranking.Score) error {
	if !b.now().Before(ranking.Expiry(day)) {
		return nil
	}
	for part := range slices.Chunk(scores, chunk) {
		args := make([]any, 0, 3+4*len(part))
		args = append(args, token, patience.Milliseconds(), ranking.Expiry(day).Unix())
		for _, s := range part {
			args = append(args, member(s.ProductID), s.Version, exact(s.Own), place(s))
		}
		if err := b.run(ctx, "write scores", b.scripts.set, day, args); err != nil {
			return err
		}
	}
	return nil
}

// run calls a script that answers 0 where its token is no longer the one that counts.
func (b *Board) run(ctx context.Context, what string, s *goredis.Script, day clock.Day, args []any) error {
	var done int64
	err := b.do(ctx, what, func(ctx context.Context) (err error) {
		done, err = s.Run(ctx, b.client, b.keyList(day), args...).Int64()
		return err
	})
	if err == nil && done == 0 {
		return fmt.Errorf("%s of %s: %w", what, day, ranking.ErrSuperseded)
	}
	return err
}

// Top returns the places offset+1 to offset+limit of a day's live ranking, and
// whether the board is whole: what is not may lack products.
func (b *Board) Top(ctx context.Context, day clock.Day, offset, limit int64) (top []ranking.Entry, whole bool, err error) {
	if limit <= 0 {
		return nil, false, nil
	}
	mark, _, _, live := b.keys(day)
	var state *goredis.StringCmd
	var places *goredis.ZSliceCmd
	err = b.pipelined(ctx, "read the top", func(ctx context.Context, p goredis.Pipeliner) {
		state = p.Get(ctx, mark)
		places = p.ZRevRangeWithScores(ctx, live, offset, offset+limit-1)
	})
	if err != nil {
		return nil, false, err
	}
	for i, z := range places.Val() {
		pid, err := product(z.Member)
		if err != nil {
			return nil, false, err
		}
		top = append(top, ranking.Entry{Rank: offset + int64(i) + 1, ProductID: pid, Score: ranking.Points(z.Score)})
	}
	return top, isWhole(state.Val()), nil
}

// Rank returns the place of a product in a day's live ranking, or nil if it has
// none or the board is not whole.
func (b *Board) Rank(ctx context.Context, day clock.Day, productID int64) (*int64, error) {
	mark, _, _, live := b.keys(day)
	var state *goredis.StringCmd
	var rank *goredis.IntCmd
	err := b.pipelined(ctx, "read a rank", func(ctx context.Context, p goredis.Pipeliner) {
		state = p.Get(ctx, mark)
		rank = p.ZRevRank(ctx, live, member(productID))
	})
	if err != nil || !isWhole(state.Val()) || rank.Err() != nil {
		return nil, err
	}
	place := rank.Val() + 1
	return &place, nil
}

// pipelined sends what f asks for in one round trip. Nothing there is no error.
func (b *Board) pipelined(ctx context.Context, what string, f func(ctx context.Context, p goredis.Pipeliner)) error {
	return b.do(ctx, what, func(ctx context.Context) error {
		p := b.client.Pipeline()
		f(ctx, p)
		commands, err := p.Exec(ctx)
		if !errors.Is(err, goredis.Nil) {
			return err
		}
		for _, c := range commands { // Exec tells of the first only
			if err := c.Err(); err != nil && !errors.Is(err, goredis.Nil) {
				return err
			}
		}
		return nil
	})
}

// member pads a product's id, so that products with the same score stand in
// order of their ids.
func member(productID int64) string { return fmt.Sprintf("%019d", productID) }

func product(member any) (int64, error) {
	s, ok := member.(string)
	if !ok {
		return 0, fmt.Errorf("%w: a member is %T", ErrAway, member)
	}
	pid, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is not a member of ours", ErrAway, s)
	}
	return pid, nil
}

// most is the largest number up to which a double tells integers apart.
const most = 1 << 53

func exact(score int64) int64 { return max(-most, min(most, score)) }

// place is the live score, or nothing where it gives no place.
func place(s ranking.Score) string {
	if !s.Ranked() {
		return ""
	}
	return strconv.FormatInt(exact(s.Live), 10)
}
