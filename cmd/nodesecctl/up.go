// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/nodesec/nodesec/internal/quickstart"
)

func newUpCommand() *cobra.Command {
	var o quickstart.Options
	var passwordFile, output string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Measure this host into an embedded ClickHouse and show a live summary",
		Long: "Start an embedded ClickHouse and the collector on this host, and show what arrives until SIGINT or SIGTERM\n" +
			"(or for the time that --for gives). Both are stopped then; the data stays under --path.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("--output: must be text or json, got %q", output)
			}
			if o.Interval < 100*time.Millisecond {
				return fmt.Errorf("--interval: must be at least 100ms, got %s", o.Interval)
			}
			var err error
			if o.Database.Password, err = readPassword(passwordFile); err != nil {
				return err
			}
			o.JSON = output == "json"
			o.Ask = askCommand(os.Args[0], o.Database.Path)
			o.Output, o.Progress = cmd.OutOrStdout(), cmd.ErrOrStderr()
			o.Terminal = term.IsTerminal(int(os.Stdout.Fd()))
			_, o.Lines, _ = term.GetSize(int(os.Stdout.Fd())) // 0 if it is none
			return quickstart.Run(cmd.Context(), o)
		},
	}
	addServerFlags(cmd.Flags(), &o.Database)
	cmd.Flags().StringVar(&passwordFile, "password-file", "",
		"file with the password to require (default: the variable "+passwordVariable+", else none)")
	cmd.Flags().DurationVar(&o.Interval, "interval", time.Second, "sampling interval")
	cmd.Flags().DurationVar(&o.Duration, "for", 0, "stop after this time (default: run until interrupted)")
	cmd.Flags().StringVar(&output, "output", "text", "text shows the summary all the time, json prints it at the end")
	cmd.Flags().StringVar(&o.Collector, "collector", "", "collector binary (default: nodesec beside this program or on PATH)")
	cmd.Flags().StringVar(&o.Config, "config", "", "collector configuration (default: deploy/quickstart.yaml, which is built in)")
	return cmd
}

// askCommand is what asks the database in the folder path, as one would type it after having started program.
func askCommand(program, path string) string {
	command := shellWord(program) + " query"
	if path != defaultPath() {
		command += " --path " + shellWord(path)
	}
	return command
}

// shellWord quotes what a shell would not take as one word as it is.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return strings.ContainsRune("/._-+=:,@%", r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if text != "" && strings.TrimFunc(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
