package redis

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/clock"
)

// state is what Redis says about the board of a day: its mark, its totals and the sizes of
// its keys. They are read at one moment, so a write between them is not taken for a loss.
type state struct {
	mark   *goredis.StringCmd
	totals *goredis.SliceCmd // versions, own, live
	fields *goredis.IntCmd   // of the versions
	own    *goredis.IntCmd
	live   *goredis.IntCmd
}

// look queues the commands that read the state of a day.
func (b *Board) look(ctx context.Context, p goredis.Pipeliner, day clock.Day) state {
	mark, versions, own, live := b.keys(day)
	return state{
		mark: p.Get(ctx, mark), totals: p.HMGet(ctx, versions, versionsField, ownField, liveField),
		fields: p.HLen(ctx, versions), own: p.ZCard(ctx, own), live: p.ZCard(ctx, live),
	}
}

// intact reports whether nothing of the board is lost: each key is as large as its total.
func (s state) intact() bool {
	bookkeeping, _ := strconv.ParseInt(bookkeepingFields, 10, 64)
	sizes := []int64{s.fields.Val() - bookkeeping, s.own.Val(), s.live.Val()}
	totals := s.totals.Val()
	if err := errors.Join(s.fields.Err(), s.own.Err(), s.live.Err()); err != nil || len(totals) != len(sizes) {
		return false // a key is of another type
	}
	return !slices.ContainsFunc([]int{0, 1, 2}, func(i int) bool { return totals[i] != strconv.FormatInt(sizes[i], 10) })
}

// whole reports whether the board was built and nothing of it is lost.
func (s state) whole() bool { return isComplete(s.mark.Val()) && s.intact() }

// read reads from the live ranking of a day, and reports whether the board is whole at the
// same moment. It is one round trip.
func (b *Board) read(ctx context.Context, what string, day clock.Day, f func(ctx context.Context, p goredis.Pipeliner, live string)) (bool, error) {
	_, _, _, live := b.keys(day)
	var s state
	err := b.soon(ctx, what, b.atOnce(func(ctx context.Context, p goredis.Pipeliner) {
		s = b.look(ctx, p, day)
		f(ctx, p, live)
	}))
	return err == nil && s.whole(), err
}

// states returns the states of days.
func (b *Board) states(ctx context.Context, days []clock.Day) (map[clock.Day]state, error) {
	all := make(map[clock.Day]state, len(days))
	err := b.do(ctx, "read marks", b.atOnce(func(ctx context.Context, p goredis.Pipeliner) {
		for _, day := range days {
			all[day] = b.look(ctx, p, day)
		}
	}))
	if err != nil {
		return nil, err
	}
	return all, nil
}

// atOnce sends the commands of f in one transaction. That a key is missing or holds something
// else is no error: whoever reads the state sees it.
func (b *Board) atOnce(f func(ctx context.Context, p goredis.Pipeliner)) call {
	return func(ctx context.Context) error {
		p := b.client.TxPipeline()
		f(ctx, p)
		return firstError(ctx, p, readable)
	}
}

// readable reports whether an error says what a key holds: nothing, or something else.
func readable(err error) bool {
	return errors.Is(err, goredis.Nil) || strings.HasPrefix(err.Error(), "WRONGTYPE")
}
