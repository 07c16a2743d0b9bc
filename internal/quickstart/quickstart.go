// SPDX-License-Identifier: Apache-2.0

// Package quickstart runs nodesec on this host: an embedded ClickHouse, a collector that writes into it, and a summary
// of what arrives.
package quickstart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/nodesec/nodesec/deploy"
	"github.com/nodesec/nodesec/internal/embedded"
)

// firstRowsTimeout is how long the first rows may take before something must be wrong.
const firstRowsTimeout = 60 * time.Second

// Options say how to run.
type Options struct {
	// Database says how to start the embedded ClickHouse; its Path also takes the collector's queue and log.
	Database embedded.Options
	// Collector names the collector binary; empty: nodesec beside this program or on PATH.
	Collector string
	// Config is a collector configuration; empty: deploy/quickstart.yaml.
	Config string
	// Interval is the sampling interval.
	Interval time.Duration
	// Duration ends the run; 0: run until the context ends.
	Duration time.Duration
	// JSON prints the summary once, at the end, as JSON; else it is shown all the time.
	JSON bool
	// Ask is the command that takes a query, for the examples; empty: nodesecctl query.
	Ask string
	// Terminal says that Output can be drawn over, Lines how many it has; 0: not known.
	Terminal bool
	Lines    int
	// Output takes the summary, Progress what is being done.
	Output, Progress io.Writer
}

// Run starts the database and the collector, shows what arrives until the context ends, and stops both. The data stays.
func Run(ctx context.Context, o Options) (err error) {
	binary, err := findCollector(o.Collector)
	if err != nil {
		return err
	}
	o.Database.Output = o.Progress
	database, err := embedded.Start(ctx, o.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Stop()) }()
	_, _ = fmt.Fprintf(o.Progress, "ClickHouse %s is ready: %s and %s, data in %s\n", database.Info().Version,
		database.Info().NativeAddr(), database.Info().PlayURL(), o.Database.Path)

	c, err := o.startCollector(binary, database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	_, _ = fmt.Fprintf(o.Progress, "the collector is running, its log is %s\n", c.log)

	db, err := clickhouse.Open(&clickhouse.Options{Addr: []string{database.Info().NativeAddr()},
		Auth: clickhouse.Auth{Username: database.Info().User, Password: o.Database.Password}})
	if err != nil {
		return fmt.Errorf("connect to %s: %w", database.Info().NativeAddr(), err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if o.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Duration)
		defer cancel()
	}
	return o.watch(ctx, c, database, reader{db})
}

func (o Options) startCollector(binary string, database *embedded.Server) (*collector, error) {
	config := o.Config
	if config == "" {
		config = filepath.Join(o.Database.Path, "collector.yaml")
		if err := os.WriteFile(config, deploy.Quickstart, 0o600); err != nil {
			return nil, fmt.Errorf("write the collector's configuration: %w", err)
		}
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	return startCollector(binary, config, o.Database.Path, []string{
		"NODESEC_INTERVAL=" + o.Interval.String(),
		"NODESEC_OTLP_PORT=" + ports[0],
		"NODESEC_METRICS_PORT=" + ports[1],
		"NODESEC_CLICKHOUSE_ENDPOINT=" + database.Info().NativeAddr(),
		"NODESEC_DB_USER=" + database.Info().User,
		"NODESEC_DB_PASSWORD=" + o.Database.Password,
		"NODESEC_QUEUE_DIR=" + filepath.Join(o.Database.Path, "queue"),
	})
}

// freePorts returns n TCP ports of loopback that nobody listens on now.
func freePorts(n int) ([]string, error) {
	ports := make([]string, n)
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port for the collector: %w", err)
		}
		defer func() { _ = listener.Close() }() // only at the end, so that the ports differ
		_, ports[i], _ = net.SplitHostPort(listener.Addr().String())
	}
	return ports, nil
}

// watch shows the summary every second until ctx ends.
func (o Options) watch(ctx context.Context, c *collector, database *embedded.Server, r reader) error {
	meter := &lagMeter{reader: r, interval: o.Interval}
	var wg sync.WaitGroup
	defer wg.Wait()
	meterContext, stopMeter := context.WithCancel(ctx)
	defer stopMeter()
	wg.Go(func() { meter.run(meterContext) })

	w := &watcher{reader: r, meter: meter, tags: tagsOn(o.Lines), started: time.Now(), summary: Summary{
		HTTP: database.Info().HTTPURL(), Native: database.Info().NativeAddr(), Path: o.Database.Path, ask: o.Ask}}
	for _, name := range tables {
		w.summary.Tables = append(w.summary.Tables, Table{Name: name})
	}
	said := ""
	for c.waitOrDone(ctx, time.Second) {
		if err := w.update(ctx); err != nil {
			if ctx.Err() == nil && err.Error() != said { // once is enough for what lasts
				said = err.Error()
				_, _ = fmt.Fprintln(o.Progress, said)
			}
			continue
		}
		if w.fresh() {
			if err := o.show(&w.summary); err != nil {
				return err
			}
		} else if time.Since(w.started) > firstRowsTimeout {
			return fmt.Errorf("no rows after %s; the end of the collector's log %s:\n%s", firstRowsTimeout, c.log, tail(c.log, 10))
		}
	}
	if ctx.Err() == nil {
		return c.failure()
	}
	return o.finish(w)
}

// finish prints the last summary.
func (o Options) finish(w *watcher) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := w.update(ctx); err != nil {
		return err
	}
	if o.JSON {
		encoder := json.NewEncoder(o.Output)
		encoder.SetIndent("", "  ")
		return encoder.Encode(&w.summary)
	}
	_, err := fmt.Fprintf(o.Output, "\nstopped; %s rows are kept in %s\n", grouped(w.summary.Rows), w.summary.Path)
	return err
}

func (o Options) show(s *Summary) error {
	switch {
	case o.JSON:
		return nil
	case o.Terminal:
		// Home and clear: the page is drawn anew, without scrolling.
		if _, err := io.WriteString(o.Output, "\x1b[H\x1b[J"); err != nil {
			return err
		}
		return s.Render(o.Output)
	default:
		_, err := fmt.Fprintln(o.Output, s.line())
		return err
	}
}
