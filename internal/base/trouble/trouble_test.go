package trouble_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/trouble"
)

func TestEachChangeIsToldOnce(t *testing.T) {
	t.Parallel()
	var told strings.Builder
	tr := trouble.New(slog.New(slog.NewTextHandler(&told, nil)), "count")
	tr.Ends()
	for range 3 {
		tr.Begins(errors.New("broken"))
	}
	tr.Ends()
	tr.Ends()
	tr.Begins(errors.New("broken again"))
	if got := strings.Count(told.String(), "\n"); got != 3 || !strings.Contains(told.String(), "what=count") {
		t.Errorf("told:\n%s", &told)
	}
}
