package webhook_test

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signalbox/internal/webhook"
)

func TestASignedPost(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body) // the assertions below find out
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	key := []byte("012345678901234567890123")
	s := webhook.New(webhook.Options{Keys: map[string][]byte{host: key}, Timeout: time.Minute})
	require.NoError(t, s.Send(t.Context(), server.URL+"/hook", "event-1", []byte(`{"a":1}`)))
	require.Equal(t, `{"a":1}`, string(body))
	require.Equal(t, "event-1", got.Header.Get("webhook-id"))
	require.Equal(t, webhook.Sign(key, "event-1", got.Header.Get("webhook-timestamp"), body), got.Header.Get("webhook-signature"))
	require.NotEqual(t, webhook.Sign(key, "event-2", got.Header.Get("webhook-timestamp"), body), got.Header.Get("webhook-signature"))
}

// The example of the specification's reference libraries.
func TestTheSignatureIsTheStandards(t *testing.T) {
	key, err := webhook.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		webhook.Sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)))
	for _, bad := range []string{"", "secret", "whsec_" + base64.StdEncoding.EncodeToString([]byte("short"))} {
		_, err := webhook.ParseSecret(bad)
		require.ErrorContains(t, err, "openssl rand")
	}
}

func TestWhatAReceiverMayDo(t *testing.T) {
	status, secret := 0, false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { secret = true }))
	defer inside.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if status/100 == 3 {
			w.Header().Set("Location", inside.URL)
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	s := webhook.New(webhook.Options{Keys: map[string][]byte{strings.TrimPrefix(server.URL, "http://"): nil}, Timeout: time.Minute})
	for code, refused := range map[int]bool{
		400: true, 401: true, 404: true, 410: true, 302: true, 307: true,
		408: false, 425: false, 429: false, 500: false, 503: false,
	} {
		status = code
		err := s.Send(t.Context(), server.URL, "e", nil)
		require.ErrorContains(t, err, "it answered")
		var r *webhook.RefusedError
		require.Equal(t, refused, errors.As(err, &r), "%d: %v", code, err)
	}
	require.False(t, secret, "no redirect is followed")
	server.Close()
	err := s.Send(t.Context(), server.URL+"/?token=x", "e", nil)
	require.ErrorContains(t, err, "connection refused")
	require.NotContains(t, err.Error(), "token")
}
