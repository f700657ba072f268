package dial_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/dial"
)

func TestASecureConnectionChecksTheNameOfTheServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	for name, works := range map[string]bool{"": true, "example.com": true, "other.example.org": false} { // as the certificate says
		c, err := dial.Secure(&tls.Config{RootCAs: roots, ServerName: name})(t.Context(), "tcp", server.Listener.Addr().String())
		if (err == nil) != works {
			t.Errorf("with the name %q: %v", name, err)
		}
		if err == nil {
			_ = c.Close()
		}
	}
}
