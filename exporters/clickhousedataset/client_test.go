// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDialCountsAndSpeaksTLS(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	bytes := 0
	d := &dialer{tls: &tls.Config{RootCAs: roots}, written: func(n int) { bytes += n }}
	conn, err := d.dial(t.Context(), server.Listener.Addr().String())
	require.NoError(t, err, "the name of the endpoint is that of the certificate")
	require.NoError(t, conn.Close())
	assert.Positive(t, bytes, "the handshake is written too")

	d.tls = &tls.Config{}
	_, err = d.dial(t.Context(), server.Listener.Addr().String())
	require.ErrorContains(t, err, "TLS handshake with 127.0.0.1:")
}

func TestPermanent(t *testing.T) {
	for name, tt := range map[string]struct {
		code int32
		want bool
	}{
		"a violated constraint":     {codeViolatedConstraint, true},
		"a syntax error":            {codeSyntaxError, true},
		"too many parts":            {252, false},
		"memory limit exceeded":     {241, false},
		"timeout exceeded":          {159, false},
		"a read-only table":         {242, false},
		"a read-only user":          {164, false},
		"the server shuts down":     {236, false},
		"no space left":             {243, false},
		"an unknown table":          {60, false},
		"a wrong password":          {codeAuthenticationFailed, false},
		"something never seen yet":  {99999, false},
		"no answer from the server": {0, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, permanent(&clickhouse.Exception{Code: tt.code}))
		})
	}
}
