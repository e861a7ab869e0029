package config

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"signalbox/internal/approval"
	"signalbox/internal/webhook"
)

// Webhooks are how programs are told.
type Webhooks struct {
	// URL is the app backend's, which is told of reviews, decisions, distributions, and
	// of the documents and ends of batch jobs; empty for none.
	URL string `yaml:"url" json:"-"`
	// Secret signs the posts to it, as Standard Webhooks has it: whsec_ and base64.
	Secret string `yaml:"secret" json:"-"`
	// Recipients are the hosts, as host or host:port, that the matrix' webhooks may be
	// at, each with a secret of its own.
	Recipients map[string]string `yaml:"recipients" json:"-"`
	// Timeout bounds one post.
	Timeout time.Duration `yaml:"timeout" json:"timeout"`
}

// ToBackend posts to the app backend; nil where there is none.
func (w Webhooks) ToBackend() *webhook.Sender {
	u, err := url.Parse(w.URL)
	if w.URL == "" || err != nil {
		return nil
	}
	return w.sender(map[string]string{u.Host: w.Secret})
}

// ToRecipients posts to the matrix' recipients; nil where no host is allowed.
func (w Webhooks) ToRecipients() *webhook.Sender {
	if len(w.Recipients) == 0 {
		return nil
	}
	return w.sender(w.Recipients)
}

func (w Webhooks) sender(secrets map[string]string) *webhook.Sender {
	keys := map[string][]byte{}
	for host, secret := range secrets {
		if key, err := webhook.ParseSecret(secret); err == nil { // they have been checked
			keys[host] = key
		}
	}
	return webhook.New(webhook.Options{Keys: keys, Timeout: w.Timeout})
}

func (c *Config) checkWebhooks(bad func(string, ...any)) {
	w := c.Webhooks
	if u, ok := httpAddress(w.URL); w.URL != "" && (!ok || u.User != nil) {
		bad("webhooks.url: is no http(s) address without a user name")
	}
	if _, err := webhook.ParseSecret(w.Secret); err != nil && (w.URL != "" || w.Secret != "") {
		bad("webhooks.secret: %v; it may come from SIGNALBOX_WEBHOOKS_SECRET", err)
	}
	hosts := slices.Sorted(maps.Keys(w.Recipients))
	for _, host := range hosts {
		if host == "" || strings.ContainsAny(host, "/@ *") {
			bad("webhooks.recipients: %q is no host or host:port", host)
		}
		if _, err := webhook.ParseSecret(w.Recipients[host]); err != nil {
			bad("webhooks.recipients.%s: %v", host, err)
		}
	}
	if err := approval.CheckMatrix(c.RFA.Matrix, hosts); err != nil {
		bad("rfa.%v", err)
	}
	between(bad, "webhooks.timeout", w.Timeout, time.Second, time.Minute)
}

// httpAddress reads an http(s) address.
func httpAddress(s string) (u *url.URL, ok bool) {
	u, err := url.Parse(s)
	return u, err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

// Place says who is told, for people.
func (w Webhooks) Place() string {
	text := "nobody: webhooks.url is not set"
	if u, err := url.Parse(w.URL); err == nil && u.Host != "" {
		text = "the app backend at " + u.Host
	}
	if n := len(w.Recipients); n > 0 {
		text += "; recipients at " + strings.Join(slices.Sorted(maps.Keys(w.Recipients)), ", ")
	}
	return text
}
