// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Error codes of ClickHouse (src/Common/ErrorCodes.cpp).
const (
	codeUnknownDatabase      = 81
	codeAuthenticationFailed = 516
)

// serveNative sees to the handshake of one connection and then passes bytes both ways.
func (g *gate) serveNative(client *net.TCPConn) {
	defer func() { _ = client.Close() }()
	_ = client.SetReadDeadline(time.Now().Add(handshakeTimeout))
	in := bufio.NewReaderSize(client, 4<<10)
	h, err := readHello(in)
	if err != nil {
		return // it does not speak the protocol
	}
	if refusal := g.refuse(h); refusal != nil {
		_, _ = client.Write(refusal)
		return
	}
	conn, err := net.Dial("tcp", g.task.Native)
	if err != nil {
		return // not up yet, or not any more
	}
	server := conn.(*net.TCPConn)
	defer func() { _ = server.Close() }()
	if _, err := server.Write(h.encode()); err != nil {
		return
	}
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(client, server)
		// The client may be gone. Closing a connection with unread bytes resets it, so read them.
		_, _ = io.Copy(io.Discard, server)
		_ = client.Close()
	})
	// The client sends the addendum when it has read the server's hello. Without one, ClickHouse gets ours.
	addendum, err := readAddendum(in, h.revision)
	if _, werr := server.Write(addendum); err == nil && werr == nil {
		_ = client.SetReadDeadline(time.Time{})
		forward(server, client, in)
	}
	_ = server.CloseWrite()
	answers.Wait()
}

// forward passes on what the client sends until it ends: first what in has read ahead, then socket to socket, which
// the kernel does by itself (splice).
func forward(server, client *net.TCPConn, in *bufio.Reader) {
	ahead, _ := in.Peek(in.Buffered())
	if _, err := server.Write(ahead); err == nil {
		_, _ = io.Copy(server, client)
	}
}

// refuse returns the packet that turns a client away, or nil.
func (g *gate) refuse(h hello) []byte {
	if !g.admits(h.user, h.password) {
		return encodeException(codeAuthenticationFailed, "AUTHENTICATION_FAILED",
			h.user+": Authentication failed: password is incorrect, or there is no user with such name")
	}
	if h.database == "" || h.database == "default" || g.hasDatabase(h) {
		return nil
	}
	return encodeException(codeUnknownDatabase, "UNKNOWN_DATABASE", "Database "+h.database+" does not exist")
}

// hasDatabase asks ClickHouse, as the client's user, over HTTP. Without an answer the client is turned away.
func (g *gate) hasDatabase(h hello) bool {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	query := url.Values{
		"query":      {"SELECT count() FROM system.databases WHERE name = {name:String}"},
		"param_name": {escapeParameter(h.database)},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.task.HTTP+"/?"+query.Encode(), nil)
	if err != nil {
		return false
	}
	req.Close = true
	req.Header.Set("X-ClickHouse-User", h.user)
	req.Header.Set("X-ClickHouse-Key", h.password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16))
	return err == nil && resp.StatusCode == http.StatusOK && bytes.Equal(bytes.TrimSpace(body), []byte("1"))
}

// escapeParameter writes text as the value of a query parameter, which is in TSV's escaping.
func escapeParameter(text string) string {
	return strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\x00", `\0`).Replace(text)
}

// encodeException writes an exception packet (TCPHandler::sendException).
func encodeException(code uint32, name, message string) []byte {
	const packetException = 2
	packet := []byte{packetException, byte(code), byte(code >> 8), byte(code >> 16), byte(code >> 24)}
	packet = appendString(packet, "DB::Exception")
	packet = appendString(packet, fmt.Sprintf("%s. (%s)", message, name))
	packet = appendString(packet, "") // stack trace
	return append(packet, 0)          // no nested exception
}
