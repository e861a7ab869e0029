package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSummarise(t *testing.T) {
	const pass = `{"Action":"pass","Package":"p","Test":"TestA"}` + "\n"
	const skip = `{"Action":"skip","Package":"p","Test":"TestB"}` + "\n"
	const fail = `{"Action":"fail","Package":"p","Test":"TestC"}` + "\n"
	cases := map[string]struct {
		in      string
		allowed string
		ok      bool
	}{
		"all pass":              {pass, "", true},
		"a failure":             {pass + fail, "", false},
		"a skip that is new":    {pass + skip, "", false},
		"a skip that is listed": {pass + skip, "TestB", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			require.Equal(t, c.ok, summarise(strings.NewReader(c.in), &out, map[string]bool{c.allowed: true}))
			require.Contains(t, out.String(), "1 passed")
		})
	}
}
