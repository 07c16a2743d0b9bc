// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// burn is a shell that keeps a CPU busy for a second or a few, then becomes sleep(1) and waits to be killed. It starts
// no process, so all that is accounted to it is its own.
const burn = `i=0; while [ $i -lt 1500000 ]; do i=$((i+1)); done; exec sleep 60`

// TestProcessAgreesWithItsResourceUsage runs a busy process and compares what was stored of it with what the kernel
// says of it at its end (wait4).
func TestProcessAgreesWithItsResourceUsage(t *testing.T) {
	server := newServer(t)
	startCollector(t, server, t.TempDir(), time.Second)
	db := connect(t, server)
	rowsArrive(t, db, "process_samples", 3)

	child := exec.Command("sh", "-c", burn)
	require.NoError(t, child.Start())
	time.Sleep(6 * time.Second)
	last := nextTick(300 * time.Millisecond)
	tickIsStored(t, db, last)
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	usage := child.ProcessState.SysUsage().(*syscall.Rusage)
	total := time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()

	where := fmt.Sprintf("FROM nodesec.process_samples WHERE pid = %d", child.Process.Pid)
	stored := number(t, db, "SELECT sum(process_cpu_time_user + process_cpu_time_system) "+where)
	t.Logf("wait4: %.2f s, stored: %.2f s", total, stored)
	assert.InDelta(t, total, stored, 0.1*total+0.05, "CPU seconds")
	assert.InDelta(t, float64(usage.Minflt), number(t, db, "SELECT sum(process_paging_faults_minor) "+where), 0.1*float64(usage.Minflt)+100)
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
	id := strings.Repeat("c0ffee", 10) + "0001"
	name := "kubepods/burstable/pod0d1e2f30-1111-2222-3333-444455556666/" + id
	var procs []string
	for _, controller := range []string{"cpu", "cpuacct", "memory", "pids", "blkio"} {
		folder := filepath.Join("/sys/fs/cgroup", controller, name)
		require.NoError(t, os.MkdirAll(folder, 0o755))
		t.Cleanup(func() {
			for path := folder; strings.Contains(path, "kubepods"); path = filepath.Dir(path) {
				_ = syscall.Rmdir(path)
			}
		})
		procs = append(procs, "echo $$ > "+filepath.Join(folder, "cgroup.procs"))
	}
	child := exec.Command("sh", "-c", strings.Join(procs, "; ")+"; "+burn)
	require.NoError(t, child.Start())
	killed := false
	kill := func() {
		if !killed {
			killed = true
			_ = child.Process.Kill()
			_ = child.Wait()
			time.Sleep(200 * time.Millisecond)
		}
	}
	t.Cleanup(kill)
	time.Sleep(6 * time.Second)
	last := nextTick(300 * time.Millisecond)
	tickIsStored(t, db, last)
	text, err := os.ReadFile(filepath.Join(accounting, name, "cpuacct.usage"))
	require.NoError(t, err)
	nanoseconds, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	require.NoError(t, err)

	where := fmt.Sprintf("FROM nodesec.container_samples WHERE container_id = '%s'", id)
	stored := number(t, db, "SELECT sum(cpu_usage) "+where)
	t.Logf("cpuacct.usage: %.3f s, stored: %.3f s", nanoseconds/1e9, stored)
	assert.InDelta(t, nanoseconds/1e9, stored, 0.05*nanoseconds/1e9, "CPU seconds, from the first tick of the container's life")
	assert.Equal(t, 1.0, number(t, db, "SELECT toFloat64(countIf(pod_uid != '0d1e2f30-1111-2222-3333-444455556666') = 0) "+where), "pod UID")
	kill()
}
