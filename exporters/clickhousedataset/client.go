// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// dialer makes connections and counts what is written to them.
type dialer struct {
	net.Dialer
	tls     *tls.Config // nil: without TLS
	written func(bytes int)
}

// newClient returns a client that connects when it is first used, always to the first endpoint that answers.
func newClient(ctx context.Context, cfg *Config, written func(bytes int)) (driver.Conn, error) {
	d := &dialer{Dialer: net.Dialer{Timeout: cfg.DialTimeout}, written: written}
	if cfg.TLS.HasValue() {
		var err error
		if d.tls, err = cfg.TLS.Get().LoadTLSConfig(ctx); err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
	}
	connections := 2 // kept open; without a queue, as many more are made as there are callers
	if cfg.Queue.HasValue() {
		connections = cfg.Queue.Get().NumConsumers
	}
	client, err := clickhouse.Open(&clickhouse.Options{
		Addr:             cfg.Endpoints,
		Auth:             clickhouse.Auth{Username: cfg.Username, Password: string(cfg.Password)},
		DialContext:      d.dial,
		DialTimeout:      cfg.DialTimeout,
		ReadTimeout:      cfg.Timeout,
		MaxIdleConns:     connections,
		MaxOpenConns:     connections + 64,
		ConnOpenStrategy: clickhouse.ConnOpenInOrder,
		Compression:      &clickhouse.Compression{Method: compressionMethod(cfg.Compression)},
		ClientInfo: clickhouse.ClientInfo{
			Products: []struct{ Name, Version string }{{Name: "nodesec-clickhousedataset", Version: "1"}},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse client: %w", err)
	}
	return client, nil
}

func compressionMethod(name string) clickhouse.CompressionMethod {
	switch name {
	case compressionLZ4:
		return clickhouse.CompressionLZ4
	case compressionZSTD:
		return clickhouse.CompressionZSTD
	}
	return clickhouse.CompressionNone
}

func (d *dialer) dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	counted := &countingConn{TCPConn: conn.(*net.TCPConn), written: d.written}
	if d.tls == nil {
		return counted, nil
	}
	settings := d.tls.Clone()
	if settings.ServerName == "" {
		settings.ServerName, _, _ = net.SplitHostPort(address)
	}
	secure := tls.Client(counted, settings)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("TLS handshake with %s: %w", address, err)
	}
	return secure, nil
}

// countingConn counts the bytes written. It stays a TCP connection, so that the client can see a closed one before it
// uses it.
type countingConn struct {
	*net.TCPConn
	written func(bytes int)
}

func (c *countingConn) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p)
	c.written(n)
	return n, err
}
