// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nodesec/nodesec/internal/embedded"
)

// passwordVariable names the environment variable with the database password. There is no flag for it: every user
// of the host can read the command lines of all processes.
const passwordVariable = "NODESEC_DB_PASSWORD" //nolint:gosec // a name, not a password

func newDBCommand() *cobra.Command {
	var o embedded.Options
	var passwordFile string
	cmd := &cobra.Command{
		Use:   "db",
		Short: "Run an embedded ClickHouse until interrupted",
		Long: "Run a ClickHouse server on this host until SIGINT or SIGTERM; its data stays under --path.\n\n" +
			"A clickhouse binary is used where there is one, else libchdb: the copy that NODESEC_LIBCHDB names,\n" +
			"or one that npm fetches once into the user's cache folder.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Password, err = readPassword(passwordFile); err != nil {
				return err
			}
			o.Output = cmd.ErrOrStderr()
			return runDB(cmd, o)
		},
	}
	addServerFlags(cmd.Flags(), &o)
	cmd.Flags().StringVar(&passwordFile, "password-file", "",
		"file with the password to require (default: the variable "+passwordVariable+", else none)")
	return cmd
}

// addServerFlags are those of every sub-command that starts a server.
func addServerFlags(flags *pflag.FlagSet, o *embedded.Options) {
	flags.StringVar(&o.Path, "path", defaultPath(), "folder for the data, kept across restarts")
	flags.StringVar(&o.Listen, "listen", "127.0.0.1", "IP address to listen on; others than loopback need a password")
	flags.IntVar(&o.TCPPort, "tcp-port", 0, "port of the native protocol (default: the last one, or a free one)")
	flags.IntVar(&o.HTTPPort, "http-port", 0, "port of HTTP (default: the last one, or a free one)")
	flags.StringVar(&o.Binary, "binary", "", "clickhouse binary (default: the one on PATH, else libchdb)")
}

// runDB runs the server until the command's context ends or the server does.
func runDB(cmd *cobra.Command, o embedded.Options) error {
	s, err := embedded.Start(cmd.Context(), o)
	if err != nil {
		return err
	}
	describe(cmd.OutOrStdout(), s.Info(), o.Path)
	select {
	case <-cmd.Context().Done():
		return s.Stop()
	case <-s.Done():
		return errors.New("ClickHouse ended by itself; see the log folder under " + o.Path)
	}
}

// describe prints how to reach the server.
func describe(w io.Writer, i embedded.Info, path string) {
	_, _ = fmt.Fprintf(w, `ClickHouse %s is ready; Ctrl-C stops it and keeps the data.
  native protocol  %s
  HTTP             %s
  play page        %s
  user             %s
  data             %s
`, i.Version, i.NativeAddr(), i.HTTPURL(), i.PlayURL(), i.User, path)
}

// defaultPath is nodesec's folder for a user's data, after the XDG base directory specification.
func defaultPath() string {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "nodesec")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "" // then --path is required, and Start says so
	}
	return filepath.Join(home, ".local", "share", "nodesec")
}

// readPassword takes the password from file, else from the environment; empty means none. One line end at the end
// of the file is not part of it.
func readPassword(file string) (string, error) {
	if file == "" {
		return os.Getenv(passwordVariable), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if password == "" {
		return "", fmt.Errorf("password file %s is empty", file)
	}
	return password, nil
}
