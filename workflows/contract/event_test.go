package contract_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signalbox/workflows/contract"
)

func TestWhichHostsAreAllowed(t *testing.T) {
	allow := []string{"dms.example.com", "127.0.0.1:8080"}
	for address, says := range map[string]string{
		"https://dms.example.com/hook":       "",
		"https://dms.example.com:8443/hook":  "",
		"http://127.0.0.1:8080/":             "",
		"http://127.0.0.1:9090/":             "not one of webhooks.recipients",
		"https://evil.example/dms.example":   "not one of webhooks.recipients",
		"https://dms.example.com@evil.test/": "it is no http(s) address",
		"file:///etc/passwd":                 "it is no http(s) address",
		"dms.example.com":                    "it is no http(s) address",
	} {
		err := contract.CheckWebhook(address, allow)
		if says == "" {
			require.NoError(t, err, address)
		} else {
			require.ErrorContains(t, err, says, address)
		}
	}
}
