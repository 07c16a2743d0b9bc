// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nodesec/nodesec/internal/clickhouse"
	"github.com/nodesec/nodesec/internal/embedded"
)

// userVariable names the environment variable with the user for --url.
const userVariable = "NODESEC_DB_USER"

// tableFormat is what people get when they ask for none.
const tableFormat = "PrettyCompact"

func newQueryCommand() *cobra.Command {
	var path, address, format string
	cmd := &cobra.Command{
		Use:   "query SQL",
		Short: "Ask ClickHouse and print the answer",
		Long: "Send one SQL query, or with - the one on standard input, and print the answer as it comes.\n\n" +
			"The query goes to the server at --url, else to the one that runs on --path, else to one that is started\n" +
			"there for it. A password comes from the variable " + passwordVariable + ", the user for --url from " +
			userVariable + ".\nCtrl-C stops the query in the server too.",
		Example: `  nodesecctl query "SELECT count(), uniq(entity), max(ts) FROM nodesec.container_samples"
  nodesecctl query --format Parquet "SELECT * FROM nodesec.node_samples" > nodes.parquet`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			query, err := queryText(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			c, stop, err := connect(cmd, address, path)
			if err != nil {
				return err
			}
			q := clickhouse.Query{Text: query, Format: format, Settings: map[string]string{"output_format_pretty_color": "0"}}
			if format == "" {
				q.Format = tableFormat
				if isTerminal(cmd.OutOrStdout()) {
					q.Settings["output_format_pretty_color"] = "1"
				}
			}
			return errors.Join(c.Query(cmd.Context(), q, cmd.OutOrStdout()), stop())
		},
	}
	cmd.Flags().StringVar(&path, "path", defaultPath(), "data folder of the embedded ClickHouse")
	cmd.Flags().StringVar(&address, "url", "", "HTTP address of another ClickHouse, as http://host:8123")
	cmd.Flags().StringVar(&format, "format", "", "output format of ClickHouse, as CSVWithNames (default: a table)")
	return cmd
}

// queryText is the argument, or standard input for "-".
func queryText(arg string, stdin io.Reader) (string, error) {
	if arg != "-" {
		return arg, nil
	}
	text, err := io.ReadAll(stdin)
	if err != nil {
		return "", fmt.Errorf("read the query: %w", err)
	}
	return string(text), nil
}

// connect finds the server to ask, or starts one; the function that it returns stops what it started.
func connect(cmd *cobra.Command, address, path string) (c clickhouse.Client, stop func() error, err error) {
	nothing := func() error { return nil }
	password := os.Getenv(passwordVariable)
	if address != "" {
		u, err := parseAddress(address)
		return clickhouse.Client{URL: u, User: os.Getenv(userVariable), Password: password}, nothing, err
	}
	wait, cancel := context.WithTimeout(cmd.Context(), time.Minute)
	defer cancel()
	info, err := embedded.Find(wait, path)
	if err == nil {
		return clickhouse.Client{URL: info.HTTPURL(), User: info.User, Password: password}, nothing, nil
	}
	if !errors.Is(err, embedded.ErrNotRunning) {
		return clickhouse.Client{}, nothing, err
	}
	s, err := embedded.Start(cmd.Context(), embedded.Options{Path: path, Password: password, Output: cmd.ErrOrStderr()})
	if err != nil {
		return clickhouse.Client{}, nothing, err
	}
	return clickhouse.Client{URL: s.Info().HTTPURL(), User: s.Info().User, Password: password}, s.Stop, nil
}

// parseAddress checks a --url. A password in it would show in every list of processes.
func parseAddress(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", fmt.Errorf("url: must be the HTTP address of a ClickHouse, as http://host:8123, got %q", address)
	}
	if u.User != nil {
		return "", fmt.Errorf("url: user and password belong into the variables %s and %s", userVariable, passwordVariable)
	}
	return strings.TrimSuffix(u.String(), "/") + "/", nil
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
