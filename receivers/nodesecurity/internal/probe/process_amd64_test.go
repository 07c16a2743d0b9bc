// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Flags of clone for a thread.
const threadFlags = syscall.CLONE_VM | syscall.CLONE_FS | syscall.CLONE_FILES | syscall.CLONE_SIGHAND | syscall.CLONE_THREAD

// thread starts a thread.
func (p *machine) thread(body func()) {
	p.call("clone", threadFlags, p.room(4096)+4096, 0, 0, 0)
	p.child(func() {
		body()
		p.exitThread(0)
	})
}

func (p *machine) exitThread(status int) { p.callNumber(numberOf("exit"), status) }

func TestProcessesAndThreadsAreCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.fork(func() {})
		p.call("vfork")
		p.child(func() {})
		p.call("clone", int(syscall.SIGCHLD), 0, 0, 0, 0)
		p.child(func() {})
		p.call("clone3", p.words(0, 0, 0, 0, syscall.SIGCHLD, 0, 0, 0), 64)
		p.child(func() {})
		p.loop(4, p.wait)
		p.thread(func() {})
		p.thread(p.spin)
		h.run(t, p, outcome{CountFork: 4, CountThread: 2, CountExit: 5})
	})
}

// TestAnExitForLackOfMemory needs a hierarchy that limits memory.
func TestAnExitForLackOfMemory(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		dir := h.cgroup(t)
		if os.WriteFile(filepath.Join(dir, "memory.limit_in_bytes"), []byte("8M"), 0) != nil &&
			os.WriteFile(filepath.Join(dir, "memory.max"), []byte("8M"), 0) != nil {
			t.Skip("memory is not limited in this hierarchy")
		}
		const populated = syscall.MAP_PRIVATE | syscall.MAP_ANONYMOUS | syscall.MAP_POPULATE
		p := newMachine()
		p.fork(func() { p.call("mmap", 0, 64<<20, syscall.PROT_READ|syscall.PROT_WRITE, populated, -1, 0) })
		p.wait()
		start(t, dir, p.file(t, directory(t), "actor")).finish(t)
		own := h.counted(t, dir)
		compare(t, p, outcome{CountFork: 1, CountExit: 2, CountExitSignal: 1, CountExitKill: 1, CountExitOOM: 1}, &own)
	})
}

func TestAnExitIsCountedByWhatWaitWouldTell(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(p *machine)
		want outcome
	}{
		{"zero", func(p *machine) { p.exit(0) }, outcome{}},
		{"status", func(p *machine) { p.exit(3) }, outcome{CountExitNonzero: 1}},
		{"status 256 is zero", func(p *machine) { p.exit(256) }, outcome{}},
		{"first thread", func(p *machine) { p.exitThread(3) }, outcome{CountExitNonzero: 1}},
		{"as a whole after the first thread", func(p *machine) {
			p.thread(func() { p.sleep(20); p.exit(0) })
			p.exitThread(3)
		}, outcome{CountThread: 1}},
		{"segmentation fault", (*machine).fault, outcome{CountExitSignal: 1, CountExitSegv: 1}},
		{"abort", func(p *machine) { p.killOneself(syscall.SIGABRT) }, outcome{CountExitSignal: 1, CountExitAbrt: 1}},
		{"kill", func(p *machine) { p.killOneself(syscall.SIGKILL) }, outcome{CountExitSignal: 1, CountExitKill: 1}},
		{"other signal", func(p *machine) { p.killOneself(syscall.SIGUSR1) }, outcome{CountExitSignal: 1}},
		{"kill with threads", func(p *machine) {
			p.thread(p.spin)
			p.killOneself(syscall.SIGKILL)
		}, outcome{CountThread: 1, CountExitSignal: 1, CountExitKill: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onEachHierarchy(t, func(t *testing.T, h *host) {
				p := newMachine()
				p.call("prlimit64", 0, syscall.RLIMIT_CORE, p.words(0, 0), 0)
				p.fork(func() { tt.end(p) })
				p.wait()
				want := outcome{CountFork: 1, CountExit: 2}
				for count, n := range tt.want {
					want[count] = n
				}
				h.run(t, p, want)
			})
		})
	}
}

// Which thread's status it is changed in 5.19 (kernel/exit.c, synchronize_group_exit).
func TestTheStatusOfAProcessWithThreadsIsThatOfWait(t *testing.T) {
	for _, statuses := range [][2]int{{0, 3}, {3, 0}} {
		onEachHierarchy(t, func(t *testing.T, h *host) {
			dir := h.cgroup(t)
			p := newMachine()
			p.thread(func() { p.sleep(20); p.exitThread(statuses[1]) })
			p.exitThread(statuses[0])
			actor := start(t, dir, p.file(t, directory(t), "actor"))
			actor.finish(t)
			want := outcome{CountThread: 1}
			if !actor.cmd.ProcessState.Success() {
				want[CountExitNonzero] = 1
			}
			own := h.counted(t, dir)
			compare(t, p, want, &own)
		})
	}
}

func (p *machine) killOneself(signal syscall.Signal) {
	p.call("getpid")
	p.call("kill", result{}, signal)
}

func TestAProcessIsShortLivedIfItLivesForLessThanASecond(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.loop(3, func() { p.fork(func() {}); p.wait() })
		p.sleep(1050)
		h.run(t, p, outcome{CountFork: 3, CountExit: 4, CountShortLived: 3})
	})
}

// Both of two threads that exit at once may find that no thread is alive.
func TestAProcessWhoseThreadsExitAtOnceIsCountedOnce(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		const n = 3000
		p := newMachine()
		p.loop(n, func() {
			p.fork(func() {
				p.thread(func() {})
				p.exitThread(0)
			})
			p.wait()
		})
		h.run(t, p, outcome{CountFork: n, CountThread: n, CountExit: n + 1})
	})
}

func TestSignalsToOtherCgroupsAreCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		other := start(t, h.cgroup(t), newMachine().file(t, directory(t), "other")).cmd.Process.Pid
		p := newMachine()
		queued := p.bytes(make([]byte, 128))                           // struct siginfo: signal, error, code
		copy(p.data[queued-dataAt+8:], []byte{0xff, 0xff, 0xff, 0xff}) // SI_QUEUE
		p.call("kill", other, syscall.SIGCONT)
		p.call("kill", other, 0) // only asks
		p.call("tkill", other, syscall.SIGCONT)
		p.call("tgkill", other, other, syscall.SIGCONT)
		p.call("rt_sigqueueinfo", other, syscall.SIGCONT, queued)
		p.call("pidfd_open", other, 0)
		p.call("pidfd_send_signal", result{}, syscall.SIGCONT, 0, 0)
		p.call("getpid")
		p.call("kill", result{}, syscall.SIGCONT) // within the cgroup
		h.run(t, p, outcome{CountKillAcross: 5})
	})
}

func TestPrivilegesThatAreGainedAreCounted(t *testing.T) {
	header := func(p *machine) address { return p.words(0x20080522, 0) } // _LINUX_CAPABILITY_VERSION_3
	for _, tt := range []struct {
		name string
		do   func(p *machine)
		want outcome
	}{
		{"setresuid back to root", func(p *machine) {
			p.call("setresuid", 0, 65534, 0)
			p.call("setresuid", 0, 0, 0)
		}, outcome{CountRootGained: 1}},
		{"setuid and seteuid to root and back, twice", func(p *machine) {
			p.loop(2, func() {
				p.call("setreuid", -1, 65534)
				p.call("setreuid", -1, 0)
			})
		}, outcome{CountRootGained: 2}},
		{"root stays root", func(p *machine) {
			p.call("setuid", 0)
			p.call("setgid", 65534)
			p.call("setgid", 0)
			p.call("setfsuid", 65534)
		}, outcome{}},
		{"capset", func(p *machine) {
			const chown, kill, sys = 1 << 0, 1 << 5, 1 << 38 // CAP_CHOWN, CAP_KILL, CAP_PERFMON
			p.call("capset", header(p), p.capabilities(0, chown|kill|sys))
			p.call("capset", header(p), p.capabilities(chown, chown|kill|sys))
			p.call("capset", header(p), p.capabilities(kill, chown|kill|sys))
			p.call("capset", header(p), p.capabilities(kill|sys, kill|sys))
			p.call("capset", header(p), p.capabilities(kill, kill))
			p.call("capset", header(p), p.capabilities(kill, kill|sys)) // denied
		}, outcome{CountCapabilityGained: 3, CountSyscallErrors: 1, CountSyscallDenied: 1}},
		{"a child gains what its parent had not", func(p *machine) {
			p.call("setresuid", 0, 65534, 0)
			p.fork(func() { p.call("setresuid", 0, 0, 0) })
			p.wait()
		}, outcome{CountRootGained: 1, CountFork: 1, CountExit: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onEachHierarchy(t, func(t *testing.T, h *host) {
				p := newMachine()
				tt.do(p)
				h.run(t, p, tt.want)
			})
		})
	}
}

// capabilities lays out two struct __user_cap_data_struct: effective, permitted and inheritable in 32-bit halves.
func (p *machine) capabilities(effective, permitted uint64) address {
	const low = 1<<32 - 1
	return p.words(effective&low|permitted<<32, effective>>32<<32, permitted>>32)
}

func TestAUserWhoBecomesRootThroughASetuidProgramIsCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		tool := target(t, "tool")
		require.NoError(t, os.Chmod(tool, os.ModeSetuid|0o755))
		p := newMachine()
		p.call("setresuid", 65534, 65534, 65534)
		p.exec(tool)
		h.run(t, p, executed(outcome{CountExecSetuid: 1, CountRootGained: 1}))
	})
}

func TestChangesOfModeToSetuidAndSetgidAreCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		name := target(t, "tool")
		p := newMachine()
		path := p.string(name)
		p.call("open", path, syscall.O_RDONLY, 0)
		file := p.save()
		p.call("chmod", path, 0o4755)
		p.call("fchmod", file, 0o2755)
		p.call("fchmodat", -100, path, 0o6644)
		p.call("fchmodat2", -100, path, 0o1644, 0)
		p.call("chmod", p.string(name+"/none"), 0o4755)
		h.run(t, p, outcome{
			CountOpen: 1, CountChmod: 4, CountChmodSetuid: 2, CountChmodSetgid: 2, CountChmodExecutable: 2, CountSyscallErrors: 1,
		})
	})
}

func TestACgroupIsKnownWithItsTimes(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		dir := h.cgroup(t)
		p := newMachine()
		start(t, dir, p.file(t, directory(t), "actor")).finish(t)
		for s := range h.probe.Slots() {
			if s.Cgroup == inodeOf(dir) {
				assert.InDelta(t, sinceBoot().Seconds(), s.Born.Seconds(), 20)
				assert.InDelta(t, float64(time.Now().Unix()), float64(s.Made)/1e9, 20)
				made := time.Unix(1600000000, 5)
				require.NoError(t, h.probe.SetMade(s.Number, made))
			}
		}
		for s := range h.probe.Slots() {
			if s.Cgroup == inodeOf(dir) {
				assert.Equal(t, uint64(1600000000000000005), s.Made)
				return
			}
		}
		t.Fatal("no slot")
	})
}
