package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
	"github.com/caravan-chat/caravan/protocol/token"
)

// TestKeysAreAskedForUntilTheyAreClosed: a server that was told to stop serves on for
// --shutdown-delay and the drain, and keys may rotate meanwhile.
func TestKeysAreAskedForUntilTheyAreClosed(t *testing.T) {
	asked := make(chan struct{})
	endpoint := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{} }))
	defer endpoint.Close()
	signal, stop := context.WithCancel(t.Context())
	stop()
	k := &keys{}
	if err := k.set(signal, token.Config{JWKSURL: endpoint.URL}); err != nil {
		t.Fatal(err)
	}
	await.Value(t, "a question for the keys", asked)
	k.close()
}
