package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/cluster"
)

var programs cluster.Programs

func TestMain(m *testing.M) { os.Exit(cluster.Main(m, &programs)) }

// command runs a program to its end and returns its exit code and output.
func command(t *testing.T, env []string, name string, args ...string) (code int, out string) {
	t.Helper()
	return programs.Run(t, env, name, args...)
}

// start starts a command that goes on in the background.
func start(t *testing.T, env []string, name string, args ...string) *cluster.Program {
	t.Helper()
	p := &cluster.Program{TB: t, Name: name, Path: programs.Path(t, name), Args: args, Env: env, Command: true}
	p.Launch(t.Context())
	return p
}

// kill kills a program that must run.
func kill(t *testing.T, p *cluster.Program) {
	t.Helper()
	if err := p.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// order places an order of one product, paid by points, and returns its id.
func order(t *testing.T, api apiclient.Client, user string, product, quantity int64) string {
	t.Helper()
	var o apiclient.Order
	key := fmt.Sprintf("%s-%d-%d", user, product, quantity)
	api.Must(t, 201, apiclient.Buy(product, quantity).Request(user, key), &o)
	return o.ID
}

// awaitFirst waits until a product is on rank 1, in the ranking and on its own page.
func awaitFirst(t *testing.T, api apiclient.Client, product int64) {
	t.Helper()
	cluster.Eventually(t, 30*time.Second, "the ranking shows the product", func() error {
		var ranking apiclient.Ranking
		if err := read(t.Context(), api, apiclient.DailyRanking(""), &ranking); err != nil {
			return err
		}
		if len(ranking.Items) == 0 || ranking.Items[0].Product.ID != product {
			return fmt.Errorf("ranking: %+v", ranking)
		}
		var p apiclient.Product
		if err := read(t.Context(), api, apiclient.View("", product), &p); err != nil {
			return err
		}
		if p.Rank == nil || *p.Rank != 1 {
			return errors.New("the product does not show its rank")
		}
		return nil
	})
}

func read(ctx context.Context, api apiclient.Client, q apiclient.Request, v any) error {
	got, err := api.DoPatiently(ctx, q)
	if err != nil {
		return err
	}
	return got.Decode(v)
}
