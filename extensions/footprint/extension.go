// SPDX-License-Identifier: Apache-2.0

package footprint

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"
)

// startup is how long after the extension all other components have started, with caches filled and rules compiled.
const startup = 20 * time.Second

// footprint is the running extension.
type footprint struct {
	cfg    *Config
	logger *zap.Logger

	previous int // GC percent
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// Start sets the percentage for the garbage collector and starts to release.
func (f *footprint) Start(context.Context, component.Host) error {
	if f.cfg.GCPercent > 0 {
		f.previous = debug.SetGCPercent(f.cfg.GCPercent)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	if f.cfg.ReleaseInterval > 0 {
		f.running.Go(func() { f.run(ctx) })
	}
	return nil
}

// Shutdown ends it.
func (f *footprint) Shutdown(context.Context) error {
	if f.cancel == nil {
		return nil
	}
	f.cancel()
	f.running.Wait()
	if f.cfg.GCPercent > 0 {
		debug.SetGCPercent(f.previous)
	}
	return nil
}

func (f *footprint) run(ctx context.Context) {
	timer := time.NewTimer(min(startup, f.cfg.ReleaseInterval))
	defer timer.Stop()
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if first {
			debug.FreeOSMemory() // the start needs more of the heap than what follows
		}
		released, err := releaseProgram()
		if err != nil {
			f.logger.Warn("Memory of the program is not released", zap.Error(err))
			return
		}
		f.logger.Debug("Released memory of the program", zap.Int64("bytes", released))
		timer.Reset(f.cfg.ReleaseInterval)
	}
}
