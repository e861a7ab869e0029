package config

import (
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
	URL string `yaml:"url" json:"url"`
	// Secret signs the posts, as Standard Webhooks has it: whsec_ and base64.
	Secret string `yaml:"secret" json:"-"`
	// Allow are the hosts, as host or host:port, that recipients' webhooks may be at.
	Allow []string `yaml:"allow" json:"allow"`
	// Timeout bounds one post.
	Timeout time.Duration `yaml:"timeout" json:"timeout"`
}

// Sender posts webhooks; nil where there is no secret.
func (w Webhooks) Sender() *webhook.Sender {
	key, err := webhook.ParseSecret(w.Secret)
	if w.Secret == "" || err != nil {
		return nil
	}
	return webhook.New(webhook.Options{Key: key, Allow: w.hosts(), Timeout: w.Timeout})
}

// hosts are those that are posted to.
func (w Webhooks) hosts() []string {
	hosts := slices.Clone(w.Allow)
	if u, err := url.Parse(w.URL); err == nil && u.Host != "" {
		hosts = append(hosts, u.Host)
	}
	return hosts
}

func (c *Config) checkWebhooks(bad func(string, ...any)) {
	w := c.Webhooks
	if u, err := url.Parse(w.URL); w.URL != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
		bad("webhooks.url: %q is no http(s) address", w.URL)
	}
	if w.Secret != "" {
		if _, err := webhook.ParseSecret(w.Secret); err != nil {
			bad("webhooks.secret: %v", err)
		}
	} else if w.URL != "" || len(w.Allow) > 0 {
		bad("webhooks.secret: is missing (it may come from SIGNALBOX_WEBHOOKS_SECRET); make one with: echo \"whsec_$(openssl rand -base64 32)\"")
	}
	for _, host := range w.Allow {
		if host == "" || strings.ContainsAny(host, "/@ *") {
			bad("webhooks.allow: %q is no host or host:port", host)
		}
	}
	if err := approval.CheckMatrix(c.RFA.Matrix, w.Allow); err != nil {
		bad("rfa.%v", err)
	}
	between(bad, "webhooks.timeout", w.Timeout, time.Second, time.Minute)
}
