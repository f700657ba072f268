package allinone

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// secret returns the key that signs session tokens, which is made at the first
// start and kept: tokens survive a restart.
func secret(dir string) ([]byte, error) {
	path := filepath.Join(dir, "session.key")
	key, err := os.ReadFile(path) //nolint:gosec // the folder is the user's own choice
	if err == nil && len(key) >= 32 {
		return key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the key of sessions: %w", err)
	}
	key = []byte(rand.Text() + rand.Text())
	if err := os.WriteFile(path, key, 0o600); err != nil {
		return nil, fmt.Errorf("the key of sessions: %w", err)
	}
	return key, nil
}
