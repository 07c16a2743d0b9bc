// SPDX-License-Identifier: Apache-2.0

package security

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nodesec/nodesec/tests/bench/internal/crowd"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
	"github.com/nodesec/nodesec/tests/bench/internal/server"
)

// memoryTarget is how much memory the whole agent may have resident, MB.
const memoryTarget = 100

// memory measures the agent as it is shipped, with the quick start's configuration and a tick a second.
func (m *measuring) memory(ctx context.Context) (_ []report.Table, err error) {
	module, err := moduleFolder(ctx)
	if err != nil {
		return nil, err
	}
	program := filepath.Join(module, "bin", "nodesec")
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("find the agent, which make build makes: %w", err)
	}
	crowd, err := crowd.Gather(containersOfTargets, processes(m.options.Processes, containersOfTargets))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, crowd.Disperse()) }()
	s, err := server.Start(ctx, filepath.Join(m.folder, "server"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	agent, err := m.startAgent(ctx, program, filepath.Join(module, "deploy", "quickstart.yaml"), s)
	if err != nil {
		return nil, err
	}
	status, err := m.watch(ctx, agent)
	if err := errors.Join(err, stopAgent(agent)); err != nil {
		return nil, err
	}
	stored, err := s.Query(ctx, "SELECT uniqExact(container_id) FROM nodesec.container_samples WHERE container_id != ''")
	if err != nil {
		return nil, err
	}
	if n, _ := strconv.Atoi(strings.TrimSpace(string(stored))); n < containersOfTargets {
		return nil, fmt.Errorf("the agent has stored %d of %d containers", n, containersOfTargets)
	}
	return []report.Table{m.memoryTable(status)}, nil
}

func (m *measuring) startAgent(ctx context.Context, program, config string, s *server.Server) (*exec.Cmd, error) {
	metrics, err := freePort()
	if err != nil {
		return nil, err
	}
	otlp, err := freePort()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(m.folder, "agent.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.CommandContext(ctx, program, "--config", config)
	command.Env = append(os.Environ(), "NODESEC_INTERVAL=1s", "NODESEC_CLICKHOUSE_ENDPOINT="+s.Native,
		"NODESEC_QUEUE_DIR="+filepath.Join(m.folder, "queue"), "NODESEC_METRICS_PORT="+metrics, "NODESEC_OTLP_PORT="+otlp)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the agent: %w", err)
	}
	return command, nil
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

func stopAgent(agent *exec.Cmd) error {
	if err := agent.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the agent: %w", err)
	}
	if err := agent.Wait(); err != nil {
		return fmt.Errorf("the agent: %w", err)
	}
	return nil
}

// watch lets the agent run and returns its memory at the end, from /proc/[pid]/status, in MB.
func (m *measuring) watch(ctx context.Context, agent *exec.Cmd) (map[string]float64, error) {
	select {
	case <-time.After(m.options.Settle):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", agent.Process.Pid))
	if err != nil {
		return nil, fmt.Errorf("read the agent's memory: %w", err)
	}
	status := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if kib, ok := strings.CutSuffix(strings.TrimSpace(value), " kB"); ok {
			n, err := strconv.ParseFloat(kib, 64)
			if err != nil {
				return nil, fmt.Errorf("read the agent's memory: %w", err)
			}
			status[name] = n * 1024 / 1e6
		}
	}
	return status, nil
}

func (m *measuring) memoryTable(status map[string]float64) report.Table {
	t := report.Table{
		Title: fmt.Sprintf("Security: resident memory of the agent with %d containers and %d processes, MB",
			containersOfTargets, m.options.Processes),
		Columns: []string{"all (VmRSS)", "target", "the most so far (VmHWM)", "its own (RssAnon)", "of files and BPF maps (RssFile)"},
		Note: fmt.Sprintf("The quick start's configuration, every second, after %v. Pages of the program's own file are in RssFile; the kernel takes them back "+
			"when it needs memory.", m.options.Settle),
	}
	t.Add(report.Number(status["VmRSS"]), report.AtMost(status["VmRSS"], memoryTarget, " MB"), report.Number(status["VmHWM"]),
		report.Number(status["RssAnon"]), report.Number(status["RssFile"]))
	return t
}
