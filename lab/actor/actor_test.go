// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// abandonVariable makes the test binary open a stage in the folder that it names, make an actor and wait to be killed.
const abandonVariable = "NODESEC_TEST_ABANDON"

func TestMain(m *testing.M) {
	RunChildIfAsked()
	if folder := os.Getenv(abandonVariable); folder != "" {
		abandon(folder)
	}
	os.Exit(m.Run())
}

func abandon(folder string) {
	s, err := Open(folder)
	if err == nil {
		var a *Actor
		if a, err = s.New(context.Background(), Config{Name: "left"}); err == nil {
			if _, err = a.Start(context.Background(), script("trap '' TERM; sleep 300 & sleep 300")); err != nil {
				panic(err)
			}
			_, _ = os.Stdout.WriteString(a.Cgroup + " " + strconv.Itoa(a.PID()) + "\n")
			select {}
		}
	}
	_, _ = os.Stderr.WriteString(err.Error())
	os.Exit(1)
}

func openStage(t *testing.T) *Stage {
	s, err := Open(t.TempDir())
	if err != nil {
		if os.Getenv("NODESEC_TEST_BPF") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

func newActor(t *testing.T, s *Stage, cfg Config) *Actor {
	a, err := s.New(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, a.Close()) })
	return a
}

// output runs a program in the actor and returns what it wrote.
func output(t *testing.T, a *Actor, p Program) (text string, status int) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	p.Stdout, p.Stderr = write, write
	process, err := a.Start(t.Context(), p)
	_ = write.Close()
	require.NoError(t, err)
	all, err := io.ReadAll(read)
	require.NoError(t, err)
	ended, err := process.Wait(t.Context())
	require.NoError(t, err)
	return string(all), ended.ExitStatus()
}

func script(text string) Program { return Program{Path: "/bin/sh", Args: []string{"-c", text}} }

func TestAnActorIsAPlaceOfItsOwn(t *testing.T) {
	s := openStage(t)
	a := newActor(t, s, Config{Name: "own-place", Files: map[string]string{"/srv/hello": "hello"}})

	text, status := output(t, a, script("hostname; cat /srv/hello; echo; echo $$ >/tmp/x; ls /tmp /home; exit 7"))
	assert.Equal(t, 7, status)
	assert.Equal(t, "own-place\nhello\n/home:\n\n/tmp:\nx\n", text)

	text, _ = output(t, a, script("ls -d /proc/[0-9]* | wc -l; cat /sys/class/net/*/operstate; ls /sys/class/net"))
	assert.LessOrEqual(t, strings.Fields(text)[0], "5", "processes")
	assert.Equal(t, []string{"unknown", "lo"}, strings.Fields(text)[1:], "networks")

	pids, err := a.PIDs()
	require.NoError(t, err)
	assert.Equal(t, []int{a.PID()}, pids)
	cgroups, err := os.ReadFile("/proc/" + strconv.Itoa(a.PID()) + "/cgroup")
	require.NoError(t, err)
	assert.Contains(t, string(cgroups), ":"+a.Cgroup+"\n")
}

func TestNothingThatIsWrittenReachesTheHost(t *testing.T) {
	a := newActor(t, openStage(t), Config{Privileged: true})
	before, err := os.ReadFile("/etc/shadow")
	require.NoError(t, err)
	text, status := output(t, a, script(`set -e; echo evil >>/etc/shadow; echo evil >/etc/cron.d/evil; echo evil >/usr/bin/evil
		rm -r /var/lib/dpkg; mkdir /evil; cat /etc/shadow`))
	assert.Zero(t, status, text)
	assert.Contains(t, text, "evil")
	after, err := os.ReadFile("/etc/shadow")
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
	assert.NotContains(t, text, string(before), "the host's passwords are not there")
	for _, name := range []string{"/etc/cron.d/evil", "/usr/bin/evil", "/evil"} {
		assert.NoFileExists(t, name)
	}
	assert.DirExists(t, "/var/lib/dpkg")

	text, status = output(t, a, script("echo 1 >/proc/sys/kernel/panic"))
	assert.NotZero(t, status, "settings of the kernel can not be written: %s", text)
	text, status = output(t, a, script("echo h >/proc/sysrq-trigger"))
	assert.NotZero(t, status, text)
}

func TestTheNetworkIsLoopbackAlone(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port

	s := openStage(t)
	a := newActor(t, s, Config{})
	text, _ := output(t, a, Program{Path: "/bin/bash", Args: []string{"-c", "exec 3<>/dev/tcp/127.0.0.1/" + strconv.Itoa(port)}})
	assert.Contains(t, text, "Connection refused", "the host's loopback is another one")
	text, _ = output(t, a, Program{Path: "/bin/bash", Args: []string{"-c", "exec 3<>/dev/tcp/203.0.113.9/81"}})
	assert.Contains(t, text, "Connection refused", "every address is this host")

	beside := newActor(t, s, Config{NetworkOf: a})
	own, err := os.Readlink("/proc/" + strconv.Itoa(a.PID()) + "/ns/net")
	require.NoError(t, err)
	other, err := os.Readlink("/proc/" + strconv.Itoa(beside.PID()) + "/ns/net")
	require.NoError(t, err)
	host, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	assert.Equal(t, own, other)
	assert.NotEqual(t, own, host)
}

func TestCapabilitiesAreThoseOfContainers(t *testing.T) {
	s := openStage(t)
	for _, entered := range []bool{false, true} {
		p := script("grep CapEff /proc/self/status; stat -L -c %i /proc/self/ns/pid /proc/1/ns/pid")
		p.Entered = entered
		text, _ := output(t, newActor(t, s, Config{}), p)
		words := strings.Fields(text)
		require.Len(t, words, 4, text)
		assert.Equal(t, "00000000a80425fb", words[1])
		assert.Equal(t, words[2], words[3])
		text, _ = output(t, newActor(t, s, Config{Privileged: true}), p)
		assert.NotContains(t, text, "00000000a80425fb")
	}
}

func TestLimitsHold(t *testing.T) {
	s := openStage(t)
	a := newActor(t, s, Config{Limits: Limits{PIDs: 20, Memory: 64 << 20, Disk: 1 << 20}})
	_, status := output(t, a, script("head -c 3000000 /dev/zero >/tmp/x"))
	assert.NotZero(t, status, "files")
	text, _ := output(t, a, script("for i in $(seq 40); do sleep 1 & done"))
	assert.Contains(t, strings.ToLower(text), "fork", "processes")
	short := newActor(t, s, Config{Limits: Limits{Time: 300 * time.Millisecond}})
	select {
	case <-short.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("it lives on after its time")
	}
	_, err := short.Start(t.Context(), script("true"))
	assert.Error(t, err)
}

func TestProgramsThatDoNotStartSayWhy(t *testing.T) {
	a := newActor(t, openStage(t), Config{})
	_, err := a.Start(t.Context(), Program{Path: "no-such-program"})
	assert.ErrorContains(t, err, "no-such-program")
	_, err = a.Start(t.Context(), Program{Path: "/etc/passwd"})
	assert.ErrorContains(t, err, "permission denied")
	_, err = a.Start(t.Context(), Program{Path: "/nowhere", Entered: true})
	assert.ErrorContains(t, err, "no such file")
}

func TestAProgramIsKilledWhenItsContextEnds(t *testing.T) {
	a := newActor(t, openStage(t), Config{})
	for _, entered := range []bool{false, true} {
		process, err := a.Start(t.Context(), Program{Path: "sleep", Args: []string{"300"}, Entered: entered})
		require.NoError(t, err)
		pid, err := process.HostPID()
		require.NoError(t, err)
		name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
		require.NoError(t, err)
		assert.Equal(t, "sleep\n", string(name))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err = process.Wait(ctx)
		cancel()
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		require.Eventually(t, func() bool { return unix.Kill(pid, 0) != nil }, 5*time.Second, 10*time.Millisecond)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	s := openStage(t)
	a := newActor(t, s, Config{})
	_, err := a.Start(t.Context(), script("sleep 300 & sleep 300"))
	require.NoError(t, err)
	require.NoError(t, a.Close())
	assertGone(t, s, a.Cgroup, a.PID())
	require.NoError(t, a.Close(), "once more")
}

func assertGone(t *testing.T, s *Stage, cgroup string, pid int) {
	t.Helper()
	assert.Error(t, unix.Kill(pid, 0), "process 1")
	for _, folder := range s.tree.folders {
		assert.NoDirExists(t, filepath.Join(folder, cgroup))
	}
	entries, err := os.ReadDir(s.folder)
	require.NoError(t, err)
	assert.Empty(t, entries, "records")
}

// TestWhatAKilledProcessLeftIsRemoved kills a process that has an actor, without a chance to tidy up.
func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	s := openStage(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), abandonVariable+"="+s.folder)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line := make([]byte, 200)
	n, err := stdout.Read(line)
	require.NoError(t, err)
	words := strings.Fields(string(line[:n]))
	require.Len(t, words, 2)
	pid, err := strconv.Atoi(words[1])
	require.NoError(t, err)

	require.NoError(t, s.removeLeftovers(), "it is alive")
	require.NoError(t, unix.Kill(pid, 0))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool { return unix.Kill(pid, 0) != nil }, 5*time.Second, 10*time.Millisecond,
		"process 1 ends with its maker")
	assert.DirExists(t, filepath.Join(s.tree.folders[0], words[0]))
	_, err = Open(s.folder)
	require.NoError(t, err)
	assertGone(t, s, words[0], pid)
}

func TestConfigIsChecked(t *testing.T) {
	for _, bad := range []Config{{Name: "a/b"}, {Programs: map[string]string{"relative": "/bin/sh"}},
		{Files: map[string]string{"/a/../b": ""}}, {Limits: Limits{PIDs: -1}}} {
		assert.Error(t, bad.Validate())
	}
	assert.NoError(t, (&Config{Name: "a-1"}).Validate())
}
