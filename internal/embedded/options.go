// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// DefaultUser is who connects without a password, from this host alone.
const DefaultUser = "default"

// passwordUser is the name that goes with a password when Options names none.
const passwordUser = "nodesec"

// userName is what may stand as the name of an XML element in the users file.
var userName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,63}$`)

// Options say where and how the server runs. Only Path is required.
type Options struct {
	// Path is the data folder: made when missing, kept across restarts, one server at a time.
	Path string
	// Listen is the IP address to listen on; empty means 127.0.0.1. Any but a loopback address needs a Password.
	Listen string
	// TCPPort and HTTPPort are the ports of the native protocol and of HTTP. Zero means those of the last start
	// on Path where they are free, else free ones.
	TCPPort, HTTPPort int
	// Password, when set, is required of every client. Empty lets in everybody on this host.
	Password string
	// User goes with Password; empty means nodesec. It can't be default: that name is for access without a password.
	User string
	// Binary is a clickhouse binary to prefer; empty means the one on PATH, if any.
	Binary string
	// QueryLog keeps system.query_log and system.part_log, for a day. Without it no system log table is written,
	// as they grow with every query.
	QueryLog bool
	// Output gets the progress of a download; nil means nowhere.
	Output io.Writer
	// StartTimeout bounds the time from the server's start until it answers; zero means two minutes.
	StartTimeout time.Duration
}

// complete checks o and fills what was left out.
func (o Options) complete() (Options, error) {
	if o.Path == "" {
		return o, errors.New("path: must name the data folder")
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return o, fmt.Errorf("path: %w", err)
	}
	if strings.Contains(path, "${") || strings.ContainsAny(path, "\n\x00") {
		return o, fmt.Errorf("path: ClickHouse can't use a folder with a newline or ${ in its name, got %q", path)
	}
	o.Path = path
	if o.Listen == "" {
		o.Listen = "127.0.0.1"
	}
	if o.Output == nil {
		o.Output = io.Discard
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 2 * time.Minute
	}
	if o.User == "" {
		o.User = DefaultUser
		if o.Password != "" {
			o.User = passwordUser
		}
	}
	return o, o.validate()
}

// validate says what is wrong with completed options.
func (o Options) validate() error {
	ip := net.ParseIP(o.Listen)
	if ip == nil {
		return fmt.Errorf("listen: must be an IP address, got %q", o.Listen)
	}
	if !ip.IsLoopback() && o.Password == "" {
		return fmt.Errorf("listen: %s can be reached from other hosts, so a password is required", o.Listen)
	}
	for name, port := range map[string]int{"tcp port": o.TCPPort, "http port": o.HTTPPort} {
		if port < 0 || port > 65535 {
			return fmt.Errorf("%s: must be between 1 and 65535, or 0 to choose a free one, got %d", name, port)
		}
	}
	if o.TCPPort != 0 && o.TCPPort == o.HTTPPort {
		return fmt.Errorf("http port: must differ from the tcp port, both are %d", o.TCPPort)
	}
	if !userName.MatchString(o.User) {
		return fmt.Errorf("user: must consist of letters, digits, _ and -, got %q", o.User)
	}
	if (o.User == DefaultUser) != (o.Password == "") {
		return fmt.Errorf("user: %s is for access without a password, any other name needs one, got %q",
			DefaultUser, o.User)
	}
	return nil
}
