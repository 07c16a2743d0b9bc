// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
)

func specialFileActs() map[string]func(args []string) error {
	return map[string]func(args []string) error{
		"open of own thread": openOfOwnThread,
		"mknod":              makeNode,
		"open all":           openAll,
	}
}

func makeNode(args []string) error {
	kind, _ := strconv.Atoi(args[1])
	major, _ := strconv.Atoi(args[2])
	minor, _ := strconv.Atoi(args[3])
	return unix.Mknod(args[0], uint32(kind)|0o600, int(unix.Mkdev(uint32(major), uint32(minor))))
}

// openAll opens two files in each of so many directories.
func openAll(args []string) error {
	directories, _ := strconv.Atoi(args[0])
	for i := range directories {
		for _, name := range []string{"f", "g"} {
			if err := openAndClose(reading(cwd(), str(fmt.Sprintf("/d%d/%s", i, name)))[1:]); err != nil {
				return err
			}
		}
	}
	return nil
}

// openOfOwnThread opens a file in /proc of another thread of the process.
func openOfOwnThread(args []string) error {
	thread, done := make(chan int), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		thread <- unix.Gettid()
		<-done
	}()
	id := <-thread
	err := openAndClose(reading(cwd(), str(fmt.Sprintf("/proc/self/task/%d/%s", id, args[0])))[1:])
	close(done)
	return err
}

func TestFilesOfOtherProcessesAreCounted(t *testing.T) {
	other := exec.Command("/bin/sleep", "1000")
	require.NoError(t, other.Start())
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	dir := "/proc/" + strconv.Itoa(other.Process.Pid)
	task := dir + "/task/" + strconv.Itoa(other.Process.Pid)
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.session(t)
		for name, count := range map[string]Count{
			"environ": CountReadEnviron, "mem": CountOpenMem, "maps": CountReadMaps, "smaps": CountReadMaps,
			"numa_maps": CountReadMaps,
		} {
			if _, err := os.Stat("/proc/self/" + name); err != nil {
				continue // the kernel has no NUMA
			}
			t.Run(name, func(t *testing.T) {
				others := and(opened(), map[Count]uint32{count: 1})
				s.words(t, others, reading(cwd(), str(dir+"/"+name)))
				s.words(t, others, reading(cwd(), str(task+"/"+name)))
				s.words(t, opened(), reading(cwd(), str("/proc/self/"+name)))
				s.words(t, opened(), reading(cwd(), str("/proc/thread-self/"+name)))
				s.expect(t, opened(), "open of own thread", name)
			})
		}
		for _, name := range []string{"status", "cmdline", "stat"} {
			s.words(t, opened(), reading(cwd(), str(dir+"/"+name)))
		}
		s.do(t, "chdir", t.TempDir())
		s.do(t, "put", "environ", "mem", "maps")
		for _, name := range []string{"environ", "mem", "maps"} { // not in /proc
			s.words(t, opened(), reading(cwd(), str(name)))
		}
	})
}

func TestOpenedDevicesAreCounted(t *testing.T) {
	device := and(opened(), map[Count]uint32{CountOpenDevice: 1})
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.session(t)
		for _, name := range []string{"null", "zero", "full", "random", "urandom"} {
			s.words(t, opened(), reading(cwd(), str("/dev/"+name)))
		}
		s.words(t, opened(), opening("openat", cwd(), str("/dev/ptmx"), num(unix.O_RDWR|unix.O_NOCTTY)))
		s.words(t, device, reading(cwd(), str("/dev/kmsg")))
		s.words(t, opened(), opening("openat", cwd(), str("/dev/kmsg"), num(unix.O_PATH)))
		s.do(t, "private")
		dir := t.TempDir()
		s.do(t, "tmpfs", dir)
		s.do(t, "chdir", dir)
		s.do(t, "mknod", "copy of kmsg", strconv.Itoa(unix.S_IFCHR), "1", "11")
		s.do(t, "mknod", "copy of null", strconv.Itoa(unix.S_IFCHR), "1", "3")
		s.words(t, device, reading(cwd(), str("copy of kmsg")))
		s.words(t, opened(), reading(cwd(), str("copy of null")))
		major, minor, found := blockDevice()
		if !found {
			t.Skip("no block device is there to be opened")
		}
		s.do(t, "mknod", "disk", strconv.Itoa(unix.S_IFBLK), strconv.Itoa(major), strconv.Itoa(minor))
		s.words(t, device, opening("openat", cwd(), str("disk"), num(unix.O_RDONLY|unix.O_NONBLOCK)))
	})
}

// blockDevice is one that can be opened.
func blockDevice() (major, minor int, found bool) {
	names, _ := filepath.Glob("/sys/class/block/*/dev")
	for _, name := range names {
		data, _ := os.ReadFile(name)
		if n, _ := fmt.Sscanf(string(data), "%d:%d", &major, &minor); n != 2 {
			continue
		}
		f, err := os.Open(filepath.Join("/dev", filepath.Base(filepath.Dir(name))))
		if err == nil {
			_ = f.Close()
			return major, minor, true
		}
	}
	return 0, 0, false
}

// Tasks whose root is the node's, too, open no host paths; see all other tests.
func TestHostPathsAreCounted(t *testing.T) {
	hostPath := and(opened(), map[Count]uint32{CountOpenHostPath: 1})
	dir, err := os.MkdirTemp("/var/tmp", "nodesec-test-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), nil, 0o600))
	if fileOf(t, dir).Device != rootDevice() {
		t.Skip("/var/tmp is not in the root file system")
	}
	volumes, err := os.MkdirTemp(volumeDirectory(t), "nodesec-test-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(volumes) })
	require.NoError(t, os.WriteFile(filepath.Join(volumes, "f"), nil, 0o600))
	root := t.TempDir()
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.session(t)
		s.words(t, opened(), reading(cwd(), str(dir+"/f")))
		s.do(t, "private")
		s.do(t, "tmpfs", root)
		s.do(t, "put", root+"/host/", root+"/volume/", root+"/one", root+"/f")
		s.do(t, "bind", dir, root+"/host")
		s.do(t, "bind", dir+"/f", root+"/one")
		s.do(t, "bind", volumes, root+"/volume")
		s.do(t, "chroot", root)
		s.words(t, opened(), reading(cwd(), str("/f")))
		s.words(t, hostPath, reading(cwd(), str("/host")))
		s.words(t, hostPath, reading(cwd(), str("/host/f")))
		s.words(t, hostPath, reading(cwd(), str("/one")))
		s.words(t, hostPath, opening("openat", cwd(), str("/host/f"), num(unix.O_WRONLY)))
		s.words(t, and(opened(), of(CountReadClass, classes.PathVolume)), reading(cwd(), str("/volume/f")))
	})
}

// volumeDirectory is a directory of the node's volumes; it is made if there is none.
func volumeDirectory(t *testing.T) string {
	t.Helper()
	const dir = "/var/lib/kubelet"
	err := os.Mkdir(dir, 0o755)
	if err == nil {
		t.Cleanup(func() { _ = os.Remove(dir) })
	} else if !errors.Is(err, os.ErrExist) {
		require.NoError(t, err)
	}
	return dir
}

func TestDistinctDirectoriesAreEstimated(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.rooted(t)
		for i := range 100 {
			s.do(t, "put", fmt.Sprintf("/d%d/f", i), fmt.Sprintf("/d%d/g", i))
		}
		d, _ := s.distinct(t, "repeat", "100", "call", "2", "openat", cwd(), "s/d0/no%", num(0))
		assert.Zero(t, d.Estimate(DistinctDirectories), "what can not be opened")
		d, _ = s.distinct(t, "repeat", "100", "open", "0", "openat", cwd(), "s/d0/../d%", num(0))
		assert.EqualValues(t, 1, d.Estimate(DistinctDirectories), "all of them are in the root")
		d, counted := s.distinct(t, "open all", "100")
		assert.InDelta(t, 100, d.Estimate(DistinctDirectories), 8)
		assert.EqualValues(t, 200, counted.Counts[CountOpen])
		d, _ = s.distinct(t, "nothing")
		assert.Zero(t, d.Estimate(DistinctDirectories))
	})
}
