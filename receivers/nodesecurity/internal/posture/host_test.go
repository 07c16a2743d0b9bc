// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// cpuTime is what this process used so far; a benchmark's own time includes waiting for the CPU.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// childRoot and childBind make this binary the main process of a container: where its root is to be, and which path of
// the node it mounts.
const (
	childRoot = "NODESEC_POSTURE_CHILD_ROOT"
	childBind = "NODESEC_POSTURE_CHILD_BIND"
)

func TestMain(m *testing.M) {
	dir, isChild := os.LookupEnv(childRoot)
	if !isChild {
		os.Exit(m.Run())
	}
	if err := enterContainer(dir, os.Getenv(childBind)); err != nil {
		_, _ = fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
	_, _ = fmt.Fprintln(os.Stdout, "ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// enterContainer does with this process what a runtime does. An empty dir leaves it where it is.
func enterContainer(dir, bind string) error {
	if dir == "" {
		return nil
	}
	at := filepath.Join(dir, "mounted")
	steps := []func() error{
		func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return unix.Mount("tmpfs", dir, "tmpfs", 0, "") },
		func() error { return os.Mkdir(at, 0o755) },
		func() error {
			if bind == "" {
				return nil
			}
			return unix.Mount(bind, at, "", unix.MS_BIND, "")
		},
		func() error { return unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "") },
		func() error { return unix.Chroot(dir) },
		func() error { return os.Chdir("/") },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// startChild starts this binary as a container and returns its process ID; prefix is a program that starts it.
func startChild(t *testing.T, attr *syscall.SysProcAttr, env []string, prefix ...string) int {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	args := slices.Concat(prefix, []string{self})
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = attr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Skipf("cannot make namespaces here: %v", err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	if line != "ready\n" {
		t.Skipf("cannot make a container here: %s", line)
	}
	return cmd.Process.Pid
}

func TestContainerOfTheRunningSystem(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("making namespaces and mounts takes root")
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip("no setpriv")
	}
	ours := t.TempDir() // a path of the node, on a file system that it has mounted
	for _, tt := range []struct {
		name, bind      string
		host, sensitive int64
	}{
		{"without mounts", "", 0, 0},
		{"with a path of the node", ours, 1, 0},
		{"with a sensitive path of the node", "/etc", 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pid := startChild(t, &syscall.SysProcAttr{
				Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET |
					unix.CLONE_NEWCGROUP,
			}, []string{childRoot + "=" + t.TempDir(), childBind + "=" + tt.bind},
				setpriv, "--no-new-privs", "--bounding-set=-all,+sys_admin,+sys_chroot")
			r := newReader(t, "/")
			c, err := r.Container(pid)
			require.NoError(t, err)
			requireCatalogued(t, c.Facts, ScopeContainer)
			assert.Equal(t, []string{"sys_chroot", "sys_admin"}, raised(c.Facts, Capability))
			assert.Equal(t, map[string]int64{"": 2}, values(t, c.Facts, Capabilities))
			got := values(t, c.Facts, Property)
			for name, want := range map[string]int64{
				root: 1, containerRoot: 1, hostPID: 0, hostIPC: 0, hostUTS: 0, hostCgroup: 0, hostUser: 1, newPrivileges: 0,
				privileged: 0, writableRoot: 0, hostPathMounted: tt.host, writableHostPath: tt.host,
				sensitiveHostPath: tt.sensitive, serviceAccountToken: 0, runtimeSocket: 0,
			} {
				assert.Contains(t, got, name)
				assert.Equal(t, want, got[name], name)
			}
			// Process 1 may hide its namespaces even from root, if it has more capabilities.
			assert.Zero(t, got[hostNetwork])
			assert.Zero(t, got[hostMount])
		})
	}
}

func TestContainerOfTheRunningSystemInAUserNamespace(t *testing.T) {
	outside := 12345
	if os.Geteuid() != 0 {
		outside = os.Geteuid()
	}
	pid := startChild(t, &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: outside, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: outside, Size: 1}},
		Credential:  &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: true},
	}, []string{childRoot + "="}, "/proc/self/exe")
	c, err := newReader(t, "/").Container(pid)
	require.NoError(t, err)
	got := values(t, c.Facts, Property)
	assert.Equal(t, int64(0), got[root])
	assert.Equal(t, int64(1), got[containerRoot])
	assert.Equal(t, int64(0), got[privileged])
	host, known := got[hostUser]
	assert.True(t, known)
	assert.Equal(t, int64(0), host)
}

func TestContainerVanishedOfTheRunningSystem(t *testing.T) {
	cmd := exec.Command("true")
	require.NoError(t, cmd.Run())
	_, err := newReader(t, "/").Container(cmd.Process.Pid)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestNodeOfTheRunningSystem(t *testing.T) {
	r := newReader(t, "/")
	facts, err := r.Node()
	if os.Geteuid() == 0 {
		require.NoError(t, err)
	}
	requireCatalogued(t, facts, ScopeNode)
	assert.NotEmpty(t, values(t, facts, Sysctl))
	assert.Contains(t, values(t, facts, Inventory), accounts)
}

func TestHostMountsAreReadAgainAfterAMount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting takes root")
	}
	h := newHostMounts(fmt.Sprintf("/proc/%d/mountinfo", os.Getpid()))
	defer h.close()
	require.NoError(t, h.refresh())
	before := len(h.table.Mounts)
	assert.False(t, h.changed())
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		t.Skipf("cannot mount here: %v", err)
	}
	defer func() { require.NoError(t, unix.Unmount(dir, 0)) }()
	require.NoError(t, h.refresh())
	assert.Len(t, h.table.Mounts, before+1)
}
