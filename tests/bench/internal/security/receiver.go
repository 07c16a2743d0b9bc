// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/nodesecurity"
	"github.com/nodesec/nodesec/tests/bench/internal/measure"
)

const (
	cgroups = "/sys/fs/cgroup"
	unified = cgroups + "/unified"
)

// setting is what a receiver's process is told.
type setting struct {
	Config map[string]any
	// Unified hides all cgroup hierarchies but that of version 2 from it.
	Unified bool
}

// arrival is a line that the receiver's process prints: that it has started, then one for each scrape.
type arrival struct {
	CPU                time.Duration // that the process has used so far
	Allocations        uint64        // so far
	Points, Containers int           // in this scrape
}

// beReceiver runs the receiver until its input ends.
func beReceiver(ctx context.Context, text string) (err error) {
	var s setting
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return fmt.Errorf("read the settings: %w", err)
	}
	if s.Unified { // in a mount namespace of this process alone
		if err := unix.Mount(unified, cgroups, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("hide the v1 hierarchies: %w", err)
		}
	}
	factory := nodesecurity.NewFactory()
	config := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(s.Config).Unmarshal(config); err != nil {
		return fmt.Errorf("configure the receiver: %w", err)
	}
	lines := json.NewEncoder(os.Stdout)
	sink, err := consumer.NewMetrics(func(_ context.Context, data pmetric.Metrics) error { return lines.Encode(arrived(data)) })
	if err != nil {
		return err
	}
	r, err := factory.CreateMetrics(ctx, receivertest.NewNopSettings(factory.Type()), config, sink)
	if err != nil {
		return fmt.Errorf("create the receiver: %w", err)
	}
	if err := r.Start(ctx, componenttest.NewNopHost()); err != nil {
		return fmt.Errorf("start the receiver: %w", err)
	}
	defer func() { err = errors.Join(err, r.Shutdown(ctx)) }()
	if err := lines.Encode(arrival{}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func arrived(data pmetric.Metrics) arrival {
	cpu, err := measure.CPU()
	if err != nil {
		cpu = -1
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	out := arrival{CPU: cpu, Allocations: memory.Mallocs, Points: data.DataPointCount()}
	for _, resource := range data.ResourceMetrics().All() {
		if _, ok := resource.Resource().Attributes().Get("container.id"); ok {
			out.Containers++
		}
	}
	return out
}

// running is a receiver in a process of its own.
type running struct {
	command *exec.Cmd
	input   io.Closer
	lines   *json.Decoder
}

// startReceiver returns when the programs are attached.
func startReceiver(ctx context.Context, s setting) (*running, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the settings: %w", err)
	}
	command, err := again(ctx, roleReceiver, string(text))
	if err != nil {
		return nil, err
	}
	if s.Unified {
		command.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
	}
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the receiver's process: %w", err)
	}
	r := &running{command: command, input: input, lines: json.NewDecoder(bufio.NewReader(output))}
	if _, err := r.next(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the receiver: %w", err), r.stop())
	}
	return r, nil
}

// next waits for the next scrape.
func (r *running) next() (a arrival, err error) {
	if err := r.lines.Decode(&a); err != nil {
		return a, fmt.Errorf("wait for a scrape: %w", err)
	}
	return a, nil
}

func (r *running) stop() error {
	_ = r.input.Close() // its end may have closed it
	if err := r.command.Wait(); err != nil {
		return fmt.Errorf("stop the receiver: %w", err)
	}
	return nil
}

// tracepointsOfOurs are the tracepoints that our programs are attached to, as the kernel tells of the file descriptors of
// a receiver's process.
func tracepointsOfOurs(ctx context.Context) (names []string, err error) {
	r, err := startReceiver(ctx, setting{Config: counting()})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", r.command.Process.Pid))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // closed meanwhile
		}
		for line := range strings.Lines(string(text)) {
			// bpf_raw_tp_link_show_fdinfo, linux 6.12 kernel/bpf/syscall.c.
			if name, ok := strings.CutPrefix(line, "tp_name:"); ok {
				names = append(names, strings.TrimSpace(name))
			}
		}
	}
	if len(names) == 0 {
		return nil, errors.New("find our programs: the receiver has attached none (nodesecctl check says why)")
	}
	return names, nil
}

// counting are the settings of a receiver that counts as in production.
func counting() map[string]any { return map[string]any{"collection_interval": "10s"} }
