// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/lab/action"
	"github.com/nodesec/nodesec/lab/actor"
)

// benignVariable says for how long the loads run; make benign sets ten minutes.
const benignVariable = "NODESEC_BENIGN_DURATION"

func benignDuration(t *testing.T) time.Duration {
	text := os.Getenv(benignVariable)
	if text == "" {
		return time.Minute
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err, benignVariable)
	return d
}

// load is a benign action in its actor.
type load struct {
	name    string
	actor   *actor.Actor
	running *action.Running
	outcome action.Outcome
	alerts  []string
	// Signs that it was busy.
	executions, cpu float64
}

// where finds the rows of the load's actor, and of its processes.
func (l *load) where() string {
	return "(container_id = '" + l.actor.ID + "' OR cgroup = '" + l.actor.Cgroup + "')"
}

func beginLoad(t *testing.T, stage *actor.Stage, a *action.Action, duration time.Duration, service bool) *load {
	in, err := cast(t, stage, a, actor.Config{Name: strings.ReplaceAll(a.Name, "_", "-"), Service: service,
		Limits: actor.Limits{CPUs: 0.5, Memory: 3 << 30, Disk: 2 << 30, PIDs: 2000, Time: duration + 5*time.Minute}})
	require.NoError(t, err)
	running, err := a.Start(t.Context(), in, action.Values{"seconds": fmt.Sprint(int(duration.Seconds()))})
	require.NoError(t, err)
	name := a.Name
	if service {
		name += ", a service"
	}
	return &load{name: name, actor: in, running: running}
}

// TestBenignLoadsRaiseFewAlerts runs what busy and idle containers do, at the same time, and counts the alerts that would
// wake somebody: those of severity WARN or higher.
func TestBenignLoadsRaiseFewAlerts(t *testing.T) {
	duration := benignDuration(t)
	server := newServer(t)
	startCollector(t, server, t.TempDir(), time.Second)
	db := connect(t, server)
	countsInTheKernel(t, db)
	stage := openStage(t)

	var loads []*load
	for _, a := range action.All() {
		if a.Role != action.Benign || a.Name != "rest" && !strings.HasPrefix(a.Name, "load_") {
			continue
		}
		if missing := a.Missing(); len(missing) > 0 {
			t.Logf("left out: %s needs %s", a.Name, missing)
			continue
		}
		loads = append(loads, beginLoad(t, stage, a, duration, false))
		// Services of the host have rules of their own.
		if a.Name == "load_maintenance" || a.Name == "load_package" {
			loads = append(loads, beginLoad(t, stage, a, duration, true))
		}
	}
	if os.Getenv("NODESEC_TEST_BPF") == "1" {
		require.GreaterOrEqual(t, len(loads), 6, "loads for which this host has the programs")
	}
	for _, l := range loads {
		var err error
		l.outcome, err = l.running.Wait(t.Context())
		require.NoError(t, err)
		assert.Empty(t, l.outcome.Failed, l.name)
	}
	tickIsStored(t, db, "container_samples", time.Now().Add(2*time.Second))

	total, hours := 0, 0.0
	t.Logf("%-28s %8s %11s %11s  %s", "load", "minutes", "CPU seconds", "executions", "alerts of WARN or higher")
	for _, l := range loads {
		require.NoError(t, db.QueryRow(t.Context(), `SELECT groupArray(concat(level, ' ', rule, ' ', evidence)) FROM nodesec.detections
			WHERE NOT ended AND level IN ('WARN', 'ERROR', 'FATAL') AND `+l.where()).Scan(&l.alerts))
		of := " FROM nodesec.container_samples WHERE " + l.where()
		l.executions = number(t, db, "SELECT sumIf(exec_count, isFinite(exec_count))"+of)
		l.cpu = number(t, db, "SELECT sumIf(cpu_usage, isFinite(cpu_usage))"+of)
		lasted := l.outcome.Ended.Sub(l.outcome.Started)
		total, hours = total+len(l.alerts), hours+lasted.Hours()
		t.Logf("%-28s %8.1f %11.1f %11.0f  %d", l.name, lasted.Minutes(), l.cpu, l.executions, len(l.alerts))
		for _, alert := range l.alerts {
			t.Log("    ", alert)
		}
	}
	t.Logf("%d alerts in %.2f container-hours: %.2f per container and hour", total, hours, float64(total)/hours)
	assert.Less(t, float64(total)/hours, 1.0, "alerts per container and hour")
	processes := number(t, db, `SELECT toFloat64(count()) FROM nodesec.detections WHERE NOT ended AND scope = 'process'
		AND level IN ('WARN', 'ERROR', 'FATAL')`)
	t.Logf("and %.0f of processes in whatever container and %.0f of the node", processes, number(t, db, `SELECT toFloat64(count())
		FROM nodesec.detections WHERE NOT ended AND scope = 'node' AND level IN ('WARN', 'ERROR', 'FATAL')`))
}
