// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
)

// executed is what an executable counts that root runs for the first time in a cgroup, and more.
func executed(more outcome) outcome {
	want := outcome{CountExec: 1, CountExecRoot: 1, CountExecFirstSeen: 1}
	for count, n := range more {
		want[count] = n
	}
	return want
}

const classShell = CountExecClass + Count(classes.ExecutableShell)

func TestAnExecutableIsCountedInItsClasses(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []classes.ExecutableClass
	}{
		{"bash", []classes.ExecutableClass{classes.ExecutableShell}},
		{"python3.11", []classes.ExecutableClass{classes.ExecutableInterpreter}},
		{"nc.openbsd", []classes.ExecutableClass{classes.ExecutableNetworkTool}},
		{"curl", []classes.ExecutableClass{classes.ExecutableDownloadTool}},
		{"scp", []classes.ExecutableClass{classes.ExecutableRemoteCopy}},
		{"dpkg-preconfigure", []classes.ExecutableClass{classes.ExecutablePackageManager}}, // longer than comm
		{"gcc-12", []classes.ExecutableClass{classes.ExecutableCompiler}},
		{"whoami", []classes.ExecutableClass{classes.ExecutableReconnaissance}},
		{"john", []classes.ExecutableClass{classes.ExecutableCredentialSearch}},
		{"kubectl", []classes.ExecutableClass{classes.ExecutableContainerClient}},
		{"base64", []classes.ExecutableClass{classes.ExecutableEncoder}},
		{"useradd", []classes.ExecutableClass{classes.ExecutableUserManagement}},
		{"shred", []classes.ExecutableClass{classes.ExecutableDataDestruction}},
		{"xmrig-6.21.0", []classes.ExecutableClass{classes.ExecutableMiner}},
		{"nsenter", []classes.ExecutableClass{classes.ExecutableNamespaceTool}},
		{"sshd", []classes.ExecutableClass{classes.ExecutableServer}},
		{"nginx", []classes.ExecutableClass{classes.ExecutableWebServer}},
		{"postgres", []classes.ExecutableClass{classes.ExecutableDatabase}},
		{"runc", []classes.ExecutableClass{classes.ExecutableRuntime}},
		{"ssh", []classes.ExecutableClass{classes.ExecutableSSHClient}},
		{"pwsh", []classes.ExecutableClass{classes.ExecutableShell, classes.ExecutableInterpreter}},
		{"cat", nil},
		{"bashful", nil},
		{"3.11", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onEachHierarchy(t, func(t *testing.T, h *host) {
				want := outcome{}
				for _, class := range tt.in {
					want[CountExecClass+Count(class)] = 1
				}
				p := newMachine()
				p.exec(target(t, tt.name))
				h.run(t, p, executed(want))
			})
		})
	}
}

func TestAScriptIsCountedByItsOwnNameAndItsInterpreters(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		script := filepath.Join(directory(t), "linpeas.sh")
		require.NoError(t, os.WriteFile(script, []byte("#!"+target(t, "sh")+"\n"), 0o755))
		p := newMachine()
		p.exec(script)
		h.run(t, p, executed(outcome{classShell: 1, CountExecClass + Count(classes.ExecutableReconnaissance): 1}))
	})
}

func TestExecutionsFailAndSucceed(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		dir := directory(t)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "plain"), nil, 0o644))
		p := newMachine()
		p.call("execve", p.string(dir+"/none"), 0, 0)
		p.call("execveat", -1, p.string(dir+"/none"), 0, 0, 0)
		p.call("execve", p.string(dir+"/plain"), 0, 0) // denied: not executable
		p.exec(target(t, "again"))
		h.run(t, p, executed(outcome{CountExecFailed: 3, CountSyscallErrors: 3, CountSyscallDenied: 1}))
	})
}

func TestAnotherUserIsNotRoot(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.exec(target(t, "tool"))
		h.run(t, p, outcome{CountExec: 1, CountExecFirstSeen: 1}, as(65534))
	})
}

// as runs a process as another user.
func as(uid uint32) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
}

// openTerminal opens a pair of pseudo terminals and returns the path of the slave.
func openTerminal(t *testing.T) string {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs pseudo terminals: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	var number, unlock int32
	for request, value := range map[uintptr]*int32{syscall.TIOCGPTN: &number, syscall.TIOCSPTLCK: &unlock} {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(value)))
		require.Zero(t, errno)
	}
	return "/dev/pts/" + strconv.Itoa(int(number))
}

func TestAShellWithATerminalIsCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.call("setsid")
		p.call("open", p.string(openTerminal(t)), syscall.O_RDWR, 0)
		p.exec(target(t, "sh"))
		h.run(t, p, executed(outcome{classShell: 1, CountExecShellTerminal: 1, CountOpen: 1}))
	})
}

func TestAShellThatIsNotTheFirstProcessOfItsCgroupWasEntered(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		dir := h.cgroup(t)
		first, second := newMachine(), newMachine()
		first.exec(target(t, "sh"))
		second.exec(target(t, "sh")) // made before the cgroup is, which begins with its first event
		files := []string{first.file(t, directory(t), "first"), second.file(t, directory(t), "second")}

		start(t, dir, files[0]).finish(t)
		own := h.counted(t, dir)
		compare(t, first, executed(outcome{classShell: 1}), &own)

		start(t, dir, files[1]).finish(t)
		both := h.counted(t, dir)
		own.Since(&both, &own)
		compare(t, second, executed(outcome{classShell: 1, CountExecShellEntered: 1}), &own)
	})
}

func TestAShellIsNotEnteredWhenTheFirstProcessRunsIt(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		sh := target(t, "sh")
		entrypoint := &machine{times: 1}
		entrypoint.exec(sh)
		p := newMachine()
		p.exec(entrypoint.file(t, directory(t), "entrypoint"))
		p.returned[numberOf("execve")] = 2
		h.run(t, p, outcome{CountExec: 2, CountExecRoot: 2, CountExecFirstSeen: 2, classShell: 1})
	})
}

func TestAShellIsEnteredThroughItsProcessNamespace(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		sh := target(t, "sh")
		p := newMachine()
		p.call("unshare", syscall.CLONE_NEWPID)
		p.fork(func() { p.exec(sh) }) // the first process of the namespace
		p.wait()
		h.run(t, p, executed(outcome{classShell: 1, CountFork: 1, CountExit: 2}))

		p = newMachine()
		p.call("unshare", syscall.CLONE_NEWPID)
		first := p.fork(p.spin)
		p.fork(func() { p.exec(sh) })
		p.wait()
		p.call("kill", first, syscall.SIGKILL)
		p.wait()
		h.run(t, p, executed(outcome{
			classShell: 1, CountExecShellEntered: 1, CountFork: 2, CountExit: 3, CountExitKill: 1, CountExitSignal: 1,
		}))
	})
}

func TestAShellIsCountedByWhatStartedIt(t *testing.T) {
	for _, tt := range []struct {
		parent string
		shells int
		count  Count
	}{
		{"sshd", 0, CountExecShellServer},
		{"nginx", 0, CountExecShellWebServer},
		{"nginx", 2, CountExecShellWebServer},
		{"postgres", 0, CountExecShellDatabase},
		{"python3", 0, CountExecShellInterpreter},
		{"python3", 1, CountExecShellInterpreter},
	} {
		t.Run(tt.parent+strconv.Itoa(tt.shells), func(t *testing.T) {
			onEachHierarchy(t, func(t *testing.T, h *host) {
				next := target(t, "sh")
				for range tt.shells {
					shell := &machine{times: 1}
					shell.fork(func() { shell.exec(next) })
					shell.wait()
					next = shell.file(t, directory(t), "bash")
				}
				p := newMachine()
				p.fork(func() { p.exec(next) })
				p.wait()
				shells := uint32(tt.shells)
				for name, n := range map[string]uint32{"fork": shells, "execve": shells, "wait4": shells} {
					p.returned[numberOf(name)] += n
				}
				h.runFile(t, p.file(t, directory(t), tt.parent), p, outcome{
					CountExec: shells + 1, CountExecRoot: shells + 1, CountExecFirstSeen: shells + 1, classShell: shells + 1,
					tt.count: shells + 1, CountFork: shells + 1, CountExit: shells + 2,
				})
			})
		})
	}
}

func TestAShellWhoseInputIsASocketIsCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.call("socket", syscall.AF_INET, syscall.SOCK_STREAM, 0)
		p.call("dup2", result{}, 0)
		p.exec(target(t, "sh"))
		h.run(t, p, executed(outcome{classShell: 1, CountExecShellSocket: 1, CountStdioSocket: 1}))
	})
}

func TestAnExecutableWithoutArgumentsIsCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.call("execve", p.string(target(t, "tool")), p.words(0), p.words(0))
		h.run(t, p, executed(outcome{CountExecNoArguments: 1}))
	})
}

func TestASetuidExecutableIsCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		tool := target(t, "tool")
		require.NoError(t, os.Chmod(tool, os.ModeSetuid|0o755))
		p := newMachine()
		p.exec(tool)
		h.run(t, p, executed(outcome{CountExecSetuid: 1}))
	})
}

func TestAnExecutableIsFirstSeenOncePerCgroup(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		path := target(t, "tool")
		drainEvents(t, h)
		for range 2 {
			p := newMachine()
			p.loop(3, func() { p.fork(func() { p.exec(path) }); p.wait() })
			cgroup := h.run(t, p, outcome{
				CountExec: 3, CountExecRoot: 3, CountExecFirstSeen: 1, CountFork: 3, CountExit: 4,
			})
			events := drainEvents(t, h)[cgroup]
			require.Len(t, events, 1)
			assert.Equal(t, EventFirstExec, events[0].Kind)
			assert.Equal(t, path, events[0].Text)
			assert.Equal(t, "tool", events[0].Command)
			assert.InDelta(t, sinceBoot().Seconds(), events[0].Time.Seconds(), 20)
			assert.Greater(t, events[0].PID, 1)
		}
	})
}

// drainEvents returns the events since it was called last, by cgroup.
func drainEvents(t *testing.T, h *host) map[uint64][]Event {
	t.Helper()
	events := map[uint64][]Event{}
	require.NoError(t, h.probe.Events(1<<20, func(e Event) { events[e.Cgroup] = append(events[e.Cgroup], e) }))
	return events
}
