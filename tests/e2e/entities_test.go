// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// burn is a shell that keeps a CPU busy for a second or a few, then becomes sleep(1) and waits to be killed. It starts
// no process, so all that is accounted to it is its own.
const burn = `i=0; while [ $i -lt 1500000 ]; do i=$((i+1)); done; exec sleep 600`

// burnt waits until the shell has become a sleep that sleeps, so that nothing of it changes any more.
func burnt(t *testing.T, pid int) {
	eventually(t, "the end of the work", func(context.Context) error {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && !strings.Contains(string(stat), "(sleep) S ") {
			err = fmt.Errorf("still works: %s", stat)
		}
		return err
	})
}

// lastIsStored waits until the table holds a tick from now on, and two more, as several are stored at once.
func lastIsStored(t *testing.T, db clickhouse.Conn, table string) {
	tickIsStored(t, db, table, time.Now().Add(3*time.Second))
}

// TestProcessAgreesWithItsResourceUsage runs a busy process and compares what was stored of it with what the kernel
// says of it at its end (wait4).
func TestProcessAgreesWithItsResourceUsage(t *testing.T) {
	server := newServer(t)
	startCollector(t, server, t.TempDir(), time.Second)
	db := connect(t, server)
	rowsArrive(t, db, "process_samples", 3)

	child := exec.Command("sh", "-c", burn)
	require.NoError(t, child.Start())
	t.Cleanup(func() { _ = child.Process.Kill() })
	burnt(t, child.Process.Pid)
	lastIsStored(t, db, "process_samples")
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	usage := child.ProcessState.SysUsage().(*syscall.Rusage)
	total := time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()

	where := fmt.Sprintf("FROM nodesec.process_samples WHERE pid = %d", child.Process.Pid)
	stored := number(t, db, "SELECT sum(process_cpu_time_user + process_cpu_time_system) "+where)
	t.Logf("wait4: %.2f s, stored: %.2f s", total, stored)
	// What it takes to die is not in it.
	assert.InDelta(t, total, stored, 0.02*total+0.05, "CPU seconds")
	assert.InDelta(t, float64(usage.Minflt), number(t, db, "SELECT sum(process_paging_faults_minor) "+where), 20)
	assert.Equal(t, 1.0, number(t, db, "SELECT toFloat64(uniqExact(entity)) "+where), "one process is one entity")
	assert.Equal(t, float64(os.Getpid()), number(t, db, "SELECT toFloat64(any(ppid)) "+where))
}

// TestContainerAgreesWithItsCgroupFiles runs a busy process in a cgroup of its own and compares what was stored with
// the cgroup's files.
func TestContainerAgreesWithItsCgroupFiles(t *testing.T) {
	const accounting = "/sys/fs/cgroup/cpuacct"
	if os.Geteuid() != 0 {
		t.Skip("needs root to make a cgroup")
	}
	if _, err := os.Stat(accounting + "/cpuacct.usage"); err != nil {
		t.Skipf("needs the cpuacct controller of cgroup v1: %v", err)
	}
	server := newServer(t)
	startCollector(t, server, t.TempDir(), time.Second)
	db := connect(t, server)
	rowsArrive(t, db, "container_samples", 3)

	// The layout of containerd with the cgroupfs driver, in all controllers, so that it is a container of a pod.
	id := fmt.Sprintf("%s%010d", strings.Repeat("c0ffee", 9), os.Getpid()) // not that of an earlier run
	name := "kubepods/burstable/pod0d1e2f30-1111-2222-3333-444455556666/" + id
	var procs []string
	for _, controller := range []string{"cpu", "cpuacct", "memory", "pids", "blkio"} {
		folder := filepath.Join("/sys/fs/cgroup", controller, name)
		require.NoError(t, os.MkdirAll(folder, 0o755))
		t.Cleanup(func() { removeCgroups(folder) })
		procs = append(procs, "echo $$ > "+filepath.Join(folder, "cgroup.procs"))
	}
	child := exec.Command("sh", "-c", strings.Join(procs, "; ")+"; "+burn)
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	burnt(t, child.Process.Pid)
	lastIsStored(t, db, "container_samples")
	text, err := os.ReadFile(filepath.Join(accounting, name, "cpuacct.usage"))
	require.NoError(t, err)
	nanoseconds, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	require.NoError(t, err)

	where := fmt.Sprintf("FROM nodesec.container_samples WHERE container_id = '%s'", id)
	stored := number(t, db, "SELECT sum(cpu_usage) "+where)
	t.Logf("cpuacct.usage: %.3f s, stored: %.3f s", nanoseconds/1e9, stored)
	assert.InDelta(t, nanoseconds/1e9, stored, 0.01*nanoseconds/1e9, "CPU seconds, from the first tick of the container's life")
	assert.Zero(t, number(t, db, "SELECT toFloat64(countIf(pod_uid != '0d1e2f30-1111-2222-3333-444455556666')) "+where), "pod UID")
}

// removeCgroups removes the folder and what is empty above it; that of a process that was just killed is busy for a moment.
func removeCgroups(folder string) {
	for range 100 {
		if err := syscall.Rmdir(folder); err == nil || !errors.Is(err, syscall.EBUSY) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	for path := filepath.Dir(folder); strings.Contains(path, "kubepods"); path = filepath.Dir(path) {
		_ = syscall.Rmdir(path)
	}
}
