package outage_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/outage"
)

func TestEachChangeIsToldOnce(t *testing.T) {
	t.Parallel()
	var told strings.Builder
	tr := outage.New(slog.New(slog.NewTextHandler(&told, nil)), "count")
	tr.Recovered()
	for range 3 {
		tr.Failed(errors.New("broken"))
	}
	tr.Recovered()
	tr.Recovered()
	tr.Failed(errors.New("broken again"))
	if got := strings.Count(told.String(), "\n"); got != 3 || !strings.Contains(told.String(), "what=count") {
		t.Errorf("told:\n%s", &told)
	}
}
