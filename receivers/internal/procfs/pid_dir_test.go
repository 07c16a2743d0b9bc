// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func openHost(t *testing.T) *PIDs {
	t.Helper()
	p, err := OpenPIDs("/proc")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func TestPIDsListsTheProcessesOfThisHost(t *testing.T) {
	p := openHost(t)
	for range 2 { // it starts over each time
		pids, err := p.List(nil)
		require.NoError(t, err)
		assert.Contains(t, pids, os.Getpid())
		assert.Contains(t, pids, os.Getppid())
	}
}

func TestPIDsReadsTheFilesOfAProcess(t *testing.T) {
	p, pid := openHost(t), os.Getpid()
	var stat PIDStat
	data, err := p.ReadFile(pid, "stat")
	require.NoError(t, err)
	require.NoError(t, stat.Parse(data))
	assert.Equal(t, uint64(os.Getppid()), stat.PPID)

	var status PIDStatus
	data, err = p.ReadFile(pid, "status")
	require.NoError(t, err)
	require.NoError(t, status.Parse(data))
	assert.Equal(t, Number{uint64(os.Geteuid()), true}, status.UID)

	path, err := p.ReadLink(pid, "exe")
	require.NoError(t, err)
	executable, err := os.Executable()
	require.NoError(t, err)
	assert.Equal(t, executable, string(path))

	data, err = p.ReadHead(pid, "cmdline", 3)
	require.NoError(t, err)
	assert.Equal(t, os.Args[0][:3], string(data))
	data, err = p.ReadHead(pid, "cmdline", 1<<16)
	require.NoError(t, err)
	assert.Contains(t, string(data), os.Args[0]+"\x00")
}

func TestPIDsCountsDescriptors(t *testing.T) {
	files := make([]*os.File, 20)
	for i := range files {
		file, err := os.Open(os.DevNull)
		require.NoError(t, err)
		defer func() { _ = file.Close() }()
		files[i] = file
	}
	pid := startSleep(t, files)
	want, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, len(want), 23, "more if this process has inherited some itself")
	p := openHost(t)
	for _, counts := range []bool{p.countsFDs, false} { // by the size of the directory, by its entries
		p.countsFDs = counts
		count, err := p.CountFDs(pid)
		require.NoError(t, err)
		assert.Equal(t, uint64(len(want)), count)
	}
}

func startSleep(t *testing.T, files []*os.File) (pid int) {
	t.Helper()
	child := exec.Command("sleep", "100")
	child.ExtraFiles = files
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	return child.Process.Pid
}

func TestPIDsReadsFilesOfAnyLength(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "12"), 0o755))
	p, err := OpenPIDs(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	for _, length := range []int{0, 1, 4095, 4096, 4097, 20000} {
		want := bytes.Repeat([]byte("x"), length)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "12", "status"), want, 0o600))
		data, err := p.ReadFile(12, "status")
		require.NoError(t, err)
		assert.Equal(t, string(want), string(data))
	}
}

func TestPIDsTellsThatAProcessIsGone(t *testing.T) {
	child := exec.Command("sleep", "100")
	require.NoError(t, child.Start())
	pid := child.Process.Pid
	p := openHost(t)
	fd, err := p.Open(pid, "stat")
	require.NoError(t, err)
	defer func() { _ = unix.Close(fd) }()
	_, err = p.Reread(fd)
	require.NoError(t, err)
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()

	_, err = p.Reread(fd)
	require.ErrorIs(t, err, unix.ESRCH)
	assert.True(t, IsGone(err))
	for name, read := range map[string]func() error{
		"file":        func() error { _, err := p.ReadFile(pid, "stat"); return err },
		"head":        func() error { _, err := p.ReadHead(pid, "cmdline", 10); return err },
		"link":        func() error { _, err := p.ReadLink(pid, "exe"); return err },
		"descriptors": func() error { _, err := p.CountFDs(pid); return err },
	} {
		assert.True(t, IsGone(read()), name)
	}
	assert.False(t, IsGone(unix.EACCES))
}

func TestOpenPIDsNamesWhatIsMissing(t *testing.T) {
	_, err := OpenPIDs(filepath.Join(t.TempDir(), "proc"))
	var pathError *os.PathError
	require.True(t, errors.As(err, &pathError))
	assert.Equal(t, "proc", filepath.Base(pathError.Path))
}

func TestPIDsDoesNotAllocate(t *testing.T) {
	p, pid := openHost(t), os.Getpid()
	pids, err := p.List(nil)
	require.NoError(t, err)
	pids = append(pids, make([]int, 1000)...) // room for processes that come
	for name, read := range map[string]func(){
		"list":        func() { _, _ = p.List(pids[:0]) },
		"file":        func() { _, _ = p.ReadFile(pid, "stat") },
		"link":        func() { _, _ = p.ReadLink(pid, "exe") },
		"descriptors": func() { _, _ = p.CountFDs(pid) },
		"gone":        func() { _, _ = p.ReadFile(1<<30, "stat") },
	} {
		assert.Zero(t, testing.AllocsPerRun(10, read), name)
	}
}
