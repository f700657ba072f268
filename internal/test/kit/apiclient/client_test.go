package apiclient_test

import (
	"testing"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
)

func TestABusyAPIIsAskedAgain(t *testing.T) {
	log := make(chan string, 10)
	busy := func(code string) apiclient.Response {
		return apiclient.Response{Status: 503, Body: []byte(`{"code":"` + code + `"}`)}
	}
	served := apiclient.Client{URL: api(t, "api", log, busy("TOO_BUSY"), busy("ORDERS_BUSY"), apiclient.Response{Status: 200, Body: []byte(`{}`)})}
	served.Must(t, 200, apiclient.Get("", "/"), nil)
	away := apiclient.Client{URL: api(t, "api", log, busy("DEPENDENCY_AWAY"))}
	away.Must(t, 503, apiclient.Get("", "/"), nil)
}
