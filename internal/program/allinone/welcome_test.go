package allinone

import (
	"os/exec"
	"testing"

	"pgregory.net/rapid"
)

func TestAWordIsOneWordOfAShell(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("a0/:. #'\"$`\\*?~!&;|<>(){}[]%=\n가"))).Draw(t, "text")
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s. "+quoted(text)).Output()
		if err != nil || string(out) != text+"." {
			t.Errorf("%s is %q to a shell (%v)", quoted(text), out, err)
		}
	})
}

func TestAPlainWordStaysAsItIs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"sqlite:/home/me/data/shop.db", "redis://127.0.0.1:6379", "a:1,b:2"} {
		if got := quoted(text); got != text {
			t.Errorf("%s is quoted as %s", text, got)
		}
	}
}
