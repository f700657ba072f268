package redis

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// Board keeps the live ranking of each day until ranking.Expiry. It is safe for
// concurrent use, also by several programs. Every error is ErrUnavailable, or
// ranking.ErrSuperseded, ranking.ErrBuildLost or ranking.ErrWeightsChanged where a method
// says so.
type Board struct {
	*Caller
	prefix  string
	scripts scripts
	// attempts numbers the builds of this process.
	attempts atomic.Int64
}

// NewBoard returns a board whose keys begin with prefix, so that several shops can
// share a server.
func NewBoard(caller *Caller, prefix string) *Board {
	return &Board{Caller: caller, prefix: prefix, scripts: newScripts()}
}

// keys returns the keys of a day: the mark that says whether the board is complete,
// the versions, the scores of the day alone, and the live ranking. They share a hash
// tag, so that a cluster keeps them in one slot and a script may use all of them.
func (b *Board) keys(day clock.Day) (mark, versions, own, live string) {
	all := b.prefix + "ranking:{all}:"
	return all + "whole:" + day.String(), all + "ver:" + day.String(), all + "own:" + day.String(), all + day.String()
}

func (b *Board) keyList(day clock.Day) []string {
	mark, versions, own, live := b.keys(day)
	return []string{mark, versions, own, live}
}

// Set writes the scores of a day, each product at most once. A score that is older
// than that of the board is not written. It is one script call per 1,000 products.
// Scores beyond 2^53 micro points (nine thousand million points) lose precision and
// are written as 2^53. If the day's board has expired, Set does nothing. If the board
// is made with weights of a later generation, it returns ranking.ErrWeightsChanged.
func (b *Board) Set(ctx context.Context, day clock.Day, generation int64, scores []ranking.Score) error {
	return b.write(ctx, day, "", generation, scores)
}

// write is Set; with a token it is part of a build.
func (b *Board) write(ctx context.Context, day clock.Day, token string, generation int64, scores []ranking.Score) error {
	if !b.now().Before(ranking.Expiry(day)) {
		return nil
	}
	if len(scores) == 0 && token == "" {
		return nil
	}
	for part := range chunks(scores) {
		args := make([]any, 0, 4+4*len(part))
		args = append(args, token, buildTimeout.Milliseconds(), ranking.Expiry(day).Unix(), generation)
		for _, s := range part {
			args = append(args, member(s.ProductID), s.Version, exact(s.Own), liveScore(s))
		}
		if err := b.run(ctx, "write scores", b.scripts.set, day, args); err != nil {
			return err
		}
	}
	return nil
}

// The answers of the scripts.
const (
	superseded     = 0  // the token is no longer the current one
	weightsChanged = -1 // the scores are by older weights than those of the board
	markGone       = -2 // the mark has expired or was lost
	damaged        = -3 // the board has lost something since the build began
)

// chunks returns the parts of scores; a single one, which is empty, if there are none.
func chunks(scores []ranking.Score) iter.Seq[[]ranking.Score] {
	if len(scores) == 0 {
		return slices.Values([][]ranking.Score{nil})
	}
	return slices.Chunk(scores, chunk)
}

// run calls a script.
func (b *Board) run(ctx context.Context, what string, s *goredis.Script, day clock.Day, args []any) error {
	var done int64
	call := b.do
	if token, _ := args[0].(string); token != "" {
		call = b.patiently
	}
	err := call(ctx, what, func(ctx context.Context) (err error) {
		done, err = s.Run(ctx, b.client, b.keyList(day), args...).Int64()
		return err
	})
	switch {
	case err != nil || done > 0:
		return err
	case done == superseded:
		err = ranking.ErrSuperseded
	case done == weightsChanged:
		err = ranking.ErrWeightsChanged
	default:
		err = ranking.ErrBuildLost
	}
	return fmt.Errorf("%s of %s: %w", what, day, err)
}

// Top returns the places offset+1 to offset+limit of a day's live ranking, and
// whether the board is complete: products may be missing from one that is not.
func (b *Board) Top(ctx context.Context, day clock.Day, offset, limit int64) (top []ranking.Entry, complete bool, err error) {
	if limit <= 0 {
		return nil, false, nil
	}
	var places *goredis.ZSliceCmd
	whole, err := b.read(ctx, "read the top", day, func(ctx context.Context, p goredis.Pipeliner, live string) {
		places = p.ZRevRangeWithScores(ctx, live, offset, offset+limit-1)
	})
	if err != nil {
		return nil, false, err
	}
	top, err = entries(places.Val(), offset)
	return top, err == nil && whole, err
}

// Rank returns the place of a product in a day's live ranking, or nil if it has
// none or the board is not complete.
func (b *Board) Rank(ctx context.Context, day clock.Day, productID int64) (*int64, error) {
	var rank *goredis.IntCmd
	whole, err := b.read(ctx, "read a rank", day, func(ctx context.Context, p goredis.Pipeliner, live string) {
		rank = p.ZRevRank(ctx, live, member(productID))
	})
	if err != nil || !whole || rank.Err() != nil {
		return nil, err
	}
	place := rank.Val() + 1
	return &place, nil
}

// member pads a product's id with zeros, so that products of the same score are
// ordered by their ids.
func member(productID int64) string { return fmt.Sprintf("%019d", productID) }

func productOf(member any) (int64, error) {
	s, ok := member.(string)
	if !ok {
		return 0, fmt.Errorf("%w: a member is a %T, not a string", ErrUnavailable, member)
	}
	pid, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: the member %q is not a product id", ErrUnavailable, s)
	}
	return pid, nil
}

// maxExact is the largest n such that a double represents all integers up to n.
const maxExact = 1 << 53

func exact(score int64) int64 { return max(-maxExact, min(maxExact, score)) }

// liveScore returns the live score, or "" if the product has no place.
func liveScore(s ranking.Score) string {
	if !s.Ranked() {
		return ""
	}
	return strconv.FormatInt(exact(s.Live), 10)
}
