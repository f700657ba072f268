package bench_test

import (
	"fmt"
	"io"
	"net/http"
)

// expect sends a request, reads the answer to its end, and fails unless it has
// the status.
func expect(c *http.Client, r *http.Request, status int) error {
	res, err := c.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != status {
		text, _ := io.ReadAll(res.Body) // says why
		return fmt.Errorf("%s %s = %d %s, want %d", r.Method, r.URL.Path, res.StatusCode, text, status)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}
