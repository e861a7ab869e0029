// Package webhook posts signed events to addresses that the operator has allowed, as
// Standard Webhooks has it (https://www.standardwebhooks.com): its libraries verify
// them in every language.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"signalbox/workflows/contract"
)

// Headers of a post.
const (
	// HeaderID is the event's id: an idempotency key, the same in every try.
	HeaderID = "webhook-id"
	// HeaderTimestamp is when it was posted, in seconds since 1970.
	HeaderTimestamp = "webhook-timestamp"
	// HeaderSignature is "v1," and the HMAC-SHA256 of id.timestamp.body in base64.
	HeaderSignature = "webhook-signature"
)

// secretPrefix is what secrets begin with; the rest is base64.
const secretPrefix = "whsec_"

// ParseSecret reads a secret: "whsec_" and base64 of 24 to 64 bytes.
func ParseSecret(s string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, secretPrefix))
	if err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errors.New(`is no secret; make one with: echo "whsec_$(openssl rand -base64 32)"`)
	}
	return key, nil
}

// RefusedError is that trying again cannot help.
type RefusedError struct{ err error }

func (e *RefusedError) Error() string { return e.err.Error() }

func (e *RefusedError) Unwrap() error { return e.err }

// Options of a sender.
type Options struct {
	// Keys sign the posts to a host, as host or host:port. No other host is posted to.
	Keys map[string][]byte
	// Timeout bounds one post.
	Timeout time.Duration
}

// Sender posts events.
type Sender struct {
	o      Options
	client *http.Client
}

// New makes a sender.
func New(o Options) *Sender {
	return &Sender{o: o, client: &http.Client{
		Timeout: o.Timeout,
		// A redirect could lead to a host that is not allowed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Send posts one event. Its id is the same in every try. What a receiver answers with
// 2xx it has; 4xx but for 408, 425 and 429 is a RefusedError, everything else may pass.
func (s *Sender) Send(ctx context.Context, address, id string, body []byte) error {
	if err := contract.CheckWebhook(address, slices.Collect(maps.Keys(s.o.Keys))); err != nil {
		return &RefusedError{err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return &RefusedError{err}
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Signalbox")
	req.Header.Set(HeaderID, id)
	req.Header.Set(HeaderTimestamp, at)
	key, ok := s.o.Keys[req.URL.Host]
	if !ok {
		key = s.o.Keys[req.URL.Hostname()]
	}
	req.Header.Set(HeaderSignature, Sign(key, id, at, body))
	resp, err := s.client.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // without the address, which may have a token in it
		}
		return fmt.Errorf("webhook to %s: %w", req.URL.Host, err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection is used again
	if resp.StatusCode/100 == 2 {
		return nil
	}
	err = fmt.Errorf("webhook to %s: it answered %s", req.URL.Host, resp.Status)
	again := []int{http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests}
	if resp.StatusCode/100 == 5 || slices.Contains(again, resp.StatusCode) {
		return err
	}
	return &RefusedError{err}
}

// Sign is the signature of a post.
func Sign(key []byte, id, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "%s.%s.", id, timestamp)
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}
