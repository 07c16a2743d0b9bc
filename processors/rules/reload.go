// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.uber.org/zap"

	"github.com/nodesec/nodesec/processors/rules/internal/rulefile"
)

// reloader looks at the rule files from time to time. When their content has changed and compiles it is taken over; when
// it does not compile, that is told once and what was there stays.
type reloader struct {
	cfg    *Config
	logger *zap.Logger
	// take takes over new rules; nil tells that they did not compile.
	take func(*Rules)
	// seen is the fingerprint of what was tried last.
	seen uint64

	stop    chan struct{}
	running sync.WaitGroup
}

func newReloader(cfg *Config, logger *zap.Logger, seen uint64, take func(*Rules)) *reloader {
	return &reloader{cfg: cfg, logger: logger, take: take, seen: seen, stop: make(chan struct{})}
}

func (r *reloader) start() {
	r.running.Go(func() {
		ticker := time.NewTicker(r.cfg.Reload)
		defer ticker.Stop()
		for {
			select {
			case <-r.stop:
				return
			case <-ticker.C:
				r.look()
			}
		}
	})
}

func (r *reloader) shutdown() {
	close(r.stop)
	r.running.Wait()
}

// look reads the files and takes over what is new. Reading is cheap: rule files are small.
func (r *reloader) look() {
	sources, err := read(r.cfg)
	now := fingerprint(sources)
	if err != nil {
		now = xxhash.Sum64String(err.Error())
	}
	if now == r.seen {
		return
	}
	r.seen = now
	var loaded *Rules
	if err == nil {
		loaded, err = compile(r.cfg, sources)
	}
	if err != nil {
		r.logger.Error("New rules not taken over, the old ones stay", zap.Error(err))
		r.take(nil)
		return
	}
	loaded.program.ForgetTests()
	r.take(loaded)
	r.logger.Info("New rules taken over", zap.Int("rules", len(loaded.program.Rules)))
}

// fingerprint changes when a file does.
func fingerprint(sources []rulefile.Source) uint64 {
	h := xxhash.New()
	for i := range sources {
		for _, part := range []string{sources[i].Name, "\x00", string(sources[i].Text), "\x00"} {
			_, _ = h.WriteString(part)
		}
	}
	return h.Sum64()
}
