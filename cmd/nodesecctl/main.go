// SPDX-License-Identifier: Apache-2.0

// Command nodesecctl is the companion of the nodesec collector: it runs an embedded ClickHouse, asks it, and checks the host.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/nodesec/nodesec/internal/embedded"
	"github.com/nodesec/nodesec/lab/action"
	"github.com/nodesec/nodesec/lab/actor"
)

// version is set by the Makefile, with the linker.
var version = "dev"

func main() {
	embedded.RunChildIfAsked()
	actor.RunChildIfAsked()
	action.RunChildIfAsked()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "nodesecctl:", err)
		os.Exit(1)
	}
}

// run runs the command that the arguments name until it is done or interrupted.
func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return newRootCommand().ExecuteContext(ctx)
}

// newRootCommand has one line per sub-command.
func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "nodesecctl",
		Short:         "Run, query and check nodesec on this host",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newUpCommand(),
		newDBCommand(),
		newQueryCommand(),
		newSchemaCommand(),
		newCheckCommand(),
		newRulesCommand(),
		newAnnotateCommand(),
		newLabCommand(),
		newExportCommand(),
	)
	return root
}
