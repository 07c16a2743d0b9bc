// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// gate stands between clients and libchdb, which takes its own life when a connection fails outside a query: after
// a wrong password, the first bytes of TLS, a port scan, a client that is killed at the wrong moment. (clickhouse-local
// installs Poco's KillingErrorHandler for its connection threads, `clickhouse server` one that logs.) So clients talk
// to the gate, and what reaches ClickHouse is well-formed requests, complete handshakes of known users, and
// connections that end in order.
type gate struct {
	task    gateTask
	native  net.Listener
	http    *http.Server
	clients sync.WaitGroup
}

// gateTask is what the gate needs to know.
type gateTask struct {
	Native         string `json:"native"` // address of ClickHouse itself
	HTTP           string `json:"http"`   // the same
	User           string `json:"user"`
	PasswordSHA256 string `json:"password_sha256"` // hexadecimal; empty: no password
}

// handshakeTimeout bounds how long a client may take to say who it is.
const handshakeTimeout = 30 * time.Second

// maxRequestHead bounds the head of an HTTP request, in bytes: longer queries fit into its body. It goes to
// ClickHouse in one write, since one that is cut off is another way to end it.
const maxRequestHead = 64 << 10

// newGate serves on the listeners until close.
func newGate(task gateTask, native, web net.Listener) *gate {
	g := &gate{task: task, native: native}
	g.http = &http.Server{
		Handler:           g.proxy(),
		ReadHeaderTimeout: handshakeTimeout,
		MaxHeaderBytes:    maxRequestHead,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	g.clients.Go(func() { _ = g.http.Serve(web) })
	g.clients.Go(g.acceptNative)
	return g
}

// close lets nobody in any more and cuts off HTTP; native connections end with ClickHouse.
func (g *gate) close() error { return errors.Join(g.native.Close(), g.http.Close()) }

// proxy passes requests on, each over a connection of its own: an idle one could end under the next request, and
// would hold up ClickHouse's shutdown.
func (g *gate) proxy() http.Handler {
	target := &url.URL{Scheme: "http", Host: g.task.HTTP}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
			r.Out.URL.RawQuery = r.In.URL.RawQuery // as it is: a query may hold semicolons
		},
		Transport: &http.Transport{
			DisableKeepAlives:  true,
			DisableCompression: true,
			WriteBufferSize:    2 * maxRequestHead,
		},
		ModifyResponse: func(resp *http.Response) error {
			if isQuery(resp.Request) {
				return nil
			}
			return readWhole(resp)
		},
		FlushInterval: -1, // rows go on as they come
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isQuery(r) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), pageTimeout)
			defer cancel()
			r = r.WithContext(ctx)
		}
		proxy.ServeHTTP(w, r)
	})
}

// pageTimeout bounds the time for a page of ClickHouse's own.
const pageTimeout = time.Minute

// isQuery reports whether the request goes to ClickHouse's handler of queries. That one bears clients that leave
// before the end, and stops their queries. The handlers of its pages (/play, /ping and so on) don't: what they send
// is fetched whole before the client sees any of it, and whether the client is still there or not.
func isQuery(r *http.Request) bool {
	return r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.RawQuery != "" && r.URL.Path == "/"
}

// readWhole reads the body of the response into memory.
func readWhole(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return err
}

// acceptNative takes connections until the listener is closed.
func (g *gate) acceptNative() {
	for {
		conn, err := g.native.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, or a client that left again
			time.Sleep(10 * time.Millisecond)
			continue
		}
		g.clients.Go(func() { g.serveNative(conn.(*net.TCPConn)) })
	}
}

// admits reports whether ClickHouse would let the client in.
func (g *gate) admits(user, password string) bool {
	if g.task.PasswordSHA256 == "" {
		return user == g.task.User // and any password will do, as for ClickHouse
	}
	same := subtle.ConstantTimeCompare([]byte(hashPassword(password)), []byte(g.task.PasswordSHA256))
	return user == g.task.User && same == 1
}
