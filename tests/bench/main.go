// SPDX-License-Identifier: Apache-2.0

// Command bench measures nodesec against its peers and prints the results as Markdown, with the targets beside them:
//
//	go run . [-quick] [store] [floor] [day] [collect] [rules] [security] [security/calls] [security/mixed] [security/ticks] [security/memory]
//
// A missed target is part of the results. The command fails if something could not be measured, or if the peers' data
// differ from ours.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/nodesec/nodesec/tests/bench/internal/crowd"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
	"github.com/nodesec/nodesec/tests/bench/internal/security"
	"github.com/nodesec/nodesec/tests/bench/internal/server"
)

func main() {
	server.RunIfAsked()
	if len(os.Args) == 2 && os.Args[1] == crowd.BusyArgument {
		fmt.Fprintln(os.Stderr, crowd.BeBusy())
		os.Exit(1)
	}
	security.RunIfAsked()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "small sizes: checks that everything works, the figures mean little")
	output := flags.String("write", "", "file to write the results into, between its results markers")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	for _, name := range flags.Args() {
		if !slices.ContainsFunc(parts(), func(p part) bool { return p.isOneOf([]string{name}) }) {
			return fmt.Errorf("no benchmark is called %q", name)
		}
	}
	size := fullSizes()
	if *quick {
		size = quickSizes()
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	var tables []report.Table
	for _, p := range parts() {
		if flags.NArg() > 0 && !p.isOneOf(flags.Args()) {
			continue
		}
		log.Info("measuring", "benchmark", p.name)
		measured, err := p.run(ctx, size, log)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		tables = append(tables, measured...)
	}
	text := report.Markdown(tables, report.Machine(), strings.Join(append([]string{"go run ."}, arguments...), " "))
	if *quick {
		text = "Small sizes: the checks count, the figures and verdicts do not.\n\n" + text
	}
	if *output != "" {
		return report.Insert(*output, text)
	}
	_, err := os.Stdout.WriteString(text)
	return err
}
