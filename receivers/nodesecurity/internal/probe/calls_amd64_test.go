// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
)

func TestRawCallsAreCountedByTheirNumbers(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.loop(1000, func() { p.call("getppid") })
		p.loop(10, func() { p.loop(123, func() { p.call("getuid"); p.call("umask", 0o22) }) })
		p.loop(7, func() { p.call("close", -1) })
		h.run(t, p, outcome{CountSyscallErrors: 7})
	})
}

// Those that belong to features. The arguments are such that each fails.
func TestRareCallsAreCountedThoughTheyFail(t *testing.T) {
	const bad = -1
	for _, tt := range []struct {
		name string
		args []any
		more outcome
	}{
		{"process_vm_readv", []any{bad, 0, 0, 0, 0, bad}, nil},
		{"process_vm_writev", []any{bad, 0, 0, 0, 0, bad}, nil},
		{"userfaultfd", []any{bad}, nil},
		{"io_uring_setup", []any{0, 0}, nil},
		{"io_uring_enter", []any{bad, 0, 0, 0, 0, 0}, nil},
		{"keyctl", []any{bad, 0, 0, 0, 0}, nil},
		{"perf_event_open", []any{0, 0, bad, bad, bad}, nil},
		{"pidfd_getfd", []any{bad, bad, 0}, nil},
		{"seccomp", []any{99, 0, 0}, nil},
		{"mount", []any{0, 0, 0, 0, 0}, nil},
		{"umount2", []any{0, bad}, nil},
		{"move_mount", []any{bad, 0, bad, 0, bad}, nil},
		{"pivot_root", []any{0, 0}, nil},
		{"chroot", []any{0}, nil},
		{"setns", []any{bad, 0}, nil},
		{"unshare", []any{0x40}, nil},
		{"open_by_handle_at", []any{bad, 0, 0}, outcome{CountOpen: 1, CountOpenFailed: 1}},
		{"quotactl", []any{bad, 0, 0, 0}, nil},
		{"swapon", []any{0, bad}, nil},
		{"swapoff", []any{0}, nil},
		{"syslog", []any{99, 0, 0}, nil},
		{"iopl", []any{99}, nil},
		{"ioperm", []any{bad, 1, 1}, nil},
		{"reboot", []any{0, 0, 0, 0}, nil}, // the wrong magic
		{"kexec_load", []any{0, 99, 0, bad}, nil},
		{"kexec_file_load", []any{bad, bad, 0, 0, bad}, nil},
		{"init_module", []any{0, 0, 0}, nil},
		{"finit_module", []any{bad, 0, 0}, nil},
		{"delete_module", []any{0, 0}, nil},
		{"memfd_create", []any{0, 0}, nil},
		{"acct", []any{1}, nil},
		{"bpf", []any{99, 0, 0}, outcome{CountBPFOther: 1}},
		{"ptrace", []any{99, bad, 0, 0}, outcome{CountPtraceOther: 1}},
		{"fsopen", []any{0, bad}, nil},
		{"open_tree", []any{bad, 0, bad}, nil},
		{"mount_setattr", []any{bad, 0, 0, 0, 0}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onEachHierarchy(t, func(t *testing.T, h *host) {
				dir := h.cgroup(t)
				p := newMachine()
				p.call(tt.name, tt.args...)
				start(t, dir, p.file(t, directory(t), "actor")).finish(t)
				own := h.counted(t, dir)
				want := outcome{CountSyscallErrors: 1}
				if own.Counts[CountSyscallDenied] == 1 { // whether it is EPERM or EINVAL is up to the kernel
					want[CountSyscallDenied] = 1
				}
				for count, n := range tt.more {
					want[count] = n
				}
				compare(t, p, want, &own)
			})
		})
	}
}

func TestHarmlessRareCallsAreCountedThoughTheySucceed(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.call("personality", 0xffffffff)
		p.call("memfd_create", p.string("x"), 0)
		p.call("io_uring_setup", 1, p.room(120))
		p.call("seccomp", 2, 0, p.room(8)) // SECCOMP_GET_ACTION_AVAIL of SECCOMP_RET_KILL
		h.run(t, p, outcome{})
	})
}

func TestErrorsAndDenialsAreCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.call("setresuid", 65534, 65534, 65534)
		p.call("chroot", p.string("/"))                // EPERM
		p.call("access", p.string("/etc/shadow"), 4)   // EACCES
		p.call("access", p.string("/no/such/file"), 4) // ENOENT
		p.call("lseek", 0, 0, 0)                       // ESPIPE
		p.call("access", p.string("/"), 4)
		h.run(t, p, outcome{CountSyscallErrors: 4, CountSyscallDenied: 2})
	})
}

func TestACallThatSeccompDeniesIsCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		var filter []byte
		for _, i := range []struct {
			code     uint16
			yes, no  uint8
			argument uint32
		}{
			{0x20, 0, 0, 0}, // the number of the call
			{0x15, 0, 1, uint32(numberOf("getppid"))},
			{0x06, 0, 0, 0x00050001}, // SECCOMP_RET_ERRNO, EPERM
			{0x06, 0, 0, 0x7fff0000}, // SECCOMP_RET_ALLOW
		} {
			filter = binary.LittleEndian.AppendUint16(filter, i.code)
			filter = append(filter, i.yes, i.no)
			filter = binary.LittleEndian.AppendUint32(filter, i.argument)
		}
		p.call("seccomp", 1, 0, p.words(4, p.bytes(filter))) // SECCOMP_SET_MODE_FILTER
		p.loop(5, func() { p.call("getppid") })
		h.run(t, p, outcome{CountSyscallErrors: 5, CountSyscallDenied: 5})
	})
}

func TestCallsWithoutANumberHaveAPlaceOfTheirOwn(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.callNumber(5000)
		p.callNumber(1 << 30) // of the x32 ABI: read
		p.callNumber(511)
		p.returned[Syscalls-1] = 3
		h.run(t, p, outcome{CountSyscallErrors: 3})
	})
}

// Numbers of 32-bit system calls, some of which are those of clone, fork and openat on 64 bits.
func TestCallsOf32BitsAreCountedApart(t *testing.T) {
	if _, err := os.Stat("/proc/sys/abi/vsyscall32"); err != nil {
		t.Skip("needs a kernel with CONFIG_IA32_EMULATION")
	}
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.loop(3, func() { p.call32(20, 0, 0) }) // getpid
		p.call32(57, 0, 0)                       // setpgid, which returns zero
		p.call32(257, 0, 0)                      // remap_file_pages, which fails
		p.call("getpid")
		h.run(t, p, outcome{CountSyscallCompat: 5})
	})
}

func TestTracingIsCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		const cont, attach, detach, seize, interrupt = 7, 16, 17, 0x4206, 0x4207
		p := newMachine()
		child := p.fork(p.spin)
		p.call("ptrace", attach, child, 0, 0)
		p.call("wait4", child, 0, 0, 0)
		p.call("ptrace", detach, child, 0, 0)
		p.call("ptrace", seize, child, 0, 0)
		p.call("ptrace", interrupt, child, 0, 0)
		p.call("wait4", child, 0, 0, 0)
		p.call("ptrace", cont, child, 0, 0)
		p.call("kill", child, syscall.SIGKILL)
		p.call("wait4", child, 0, 0, 0)
		p.fork(func() { p.call("ptrace", 0, 0, 0, 0) })
		p.wait()
		p.call("ptrace", attach, -1, 0, 0) // attempts count, too
		h.run(t, p, outcome{
			CountPtraceAttach: 3, CountPtraceOther: 3, CountPtraceTraceme: 1, CountSyscallErrors: 1,
			CountFork: 2, CountExit: 3, CountExitKill: 1, CountExitSignal: 1,
		})
	})
}

func TestMemoryThatCanBeWrittenAndExecutedIsCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		const read, write, execute, private = 1, 2, 4, syscall.MAP_PRIVATE | syscall.MAP_ANONYMOUS
		p := newMachine()
		p.call("mmap", 0, 4096, read|write|execute, private, -1, 0)
		at := p.save()
		p.call("mprotect", at, 4096, write|execute)
		p.call("pkey_mprotect", at, 4096, read|write|execute, -1)
		p.call("mprotect", at, 4096, read|execute)
		p.call("mprotect", at, 4096, read|write)
		p.call("mmap", 0, 4096, write|execute, private, -1, 0)
		p.call("mmap", 0, 4096, read|execute, private, -1, 0)
		p.call("mmap", 0, 4096, read|write, private, -1, 0)
		p.call("mmap", 0, 4096, 0, private, -1, 0)
		h.run(t, p, outcome{CountMmapWX: 2, CountMprotectWX: 2})
	})
}

func TestNewUserNamespacesAreCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.call("clone", syscall.CLONE_NEWUSER|int(syscall.SIGCHLD), 0, 0, 0, 0)
		p.child(func() {})
		p.call("clone3", p.words(syscall.CLONE_NEWUSER, 0, 0, 0, syscall.SIGCHLD, 0, 0, 0), 64)
		p.child(func() {})
		p.call("clone3", p.words(0, 0, 0, 0, syscall.SIGCHLD, 0, 0, 0), 64)
		p.child(func() {})
		p.callNumber(numberOf("fork"), syscall.CLONE_NEWUSER) // has no arguments
		p.child(func() {})
		p.callNumber(numberOf("vfork"), syscall.CLONE_NEWUSER)
		p.child(func() {})
		p.returned[numberOf("fork")]++
		p.returned[numberOf("vfork")]++
		p.loop(5, p.wait)
		p.call("unshare", syscall.CLONE_NEWUTS)
		p.call("unshare", syscall.CLONE_NEWUSER)
		h.run(t, p, outcome{CountNewUserNamespace: 3, CountFork: 5, CountExit: 6})
	})
}

// loadProgram loads a BPF program that does nothing but return zero, and keeps its descriptor.
func (p *machine) loadProgram(name string) saved {
	instructions := p.words(0xb7, 0x95) // r0 = 0; exit
	attributes := make([]byte, 64)
	le := binary.LittleEndian
	le.PutUint32(attributes, 1) // BPF_PROG_TYPE_SOCKET_FILTER
	le.PutUint32(attributes[4:], 2)
	le.PutUint64(attributes[8:], uint64(instructions))
	le.PutUint64(attributes[16:], uint64(p.string("GPL")))
	copy(attributes[48:63], name)
	p.call("bpf", 5, p.bytes(attributes), len(attributes))
	return p.save()
}

func TestBPFCommandsAreCountedAndLoadedProgramsTold(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		drainEvents(t, h)
		p := newMachine()
		p.loadProgram("a_test_program")
		p.call("bpf", 5, 0, 0)                                   // BPF_PROG_LOAD
		p.call("bpf", 0, p.words(2|4<<32, 4|1<<32, 0, 0, 0), 40) // BPF_MAP_CREATE of an array
		p.call("bpf", 0, 0, 0)                                   // fails
		p.call("bpf", 11, p.words(0, 0), 16)                     // BPF_PROG_GET_NEXT_ID
		p.call("bpf", 13, p.words(0xffffffff, 0), 16)            // BPF_PROG_GET_FD_BY_ID of none
		cgroup := h.run(t, p, outcome{
			CountBPFProgLoad: 2, CountBPFLoaded: 1, CountBPFMapCreate: 2, CountBPFOther: 2, CountSyscallErrors: 3,
		})
		events := drainEvents(t, h)[cgroup]
		require.Len(t, events, 1)
		assert.Equal(t, EventBPFLoad, events[0].Kind)
		assert.Equal(t, "a_test_program", events[0].Text)
		assert.Equal(t, "actor", events[0].Command)
	})
}

func TestEventsAreBoundedAndThoseThatDoNotFitAreLostAndCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		drainEvents(t, h)
		_, before, _ := h.probe.Lost()
		const n = 2000
		p := newMachine()
		p.loop(n, func() { p.call("close", p.loadProgram("one_of_many")) })
		cgroup := h.run(t, p, outcome{CountBPFProgLoad: n, CountBPFLoaded: n})
		_, after, _ := h.probe.Lost()

		got, own := 0, 0
		take := func(e Event) {
			got++
			if e.Cgroup == cgroup {
				own++
			}
		}
		require.NoError(t, h.probe.Events(10, take))
		assert.Equal(t, 10, got)
		require.NoError(t, h.probe.Events(1<<20, take))
		lost := int(after - before) // and those of others on this host, which may have come after the ring was full
		assert.GreaterOrEqual(t, own+lost, n)
		assert.LessOrEqual(t, own+lost, n+100)
		assert.Greater(t, after, before)
		assert.Greater(t, own, eventBytes/512)
	})
}

func TestModulesAreCountedOnlyWhenTheyLoad(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		p.call("finit_module", -1, p.string(""), 0)
		p.call("init_module", 0, 0, 0)
		p.call("delete_module", p.string("nodesec-none"), syscall.O_NONBLOCK)
		h.run(t, p, outcome{CountSyscallErrors: 3})
	})
}

func TestASignalHandlerReturnsWithoutANumber(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		p := newMachine()
		over := p.jump(0xe9) // jmp
		handler := codeAt + headerSize + len(p.code)
		p.emit(0xc3) // ret
		restorer := codeAt + headerSize + len(p.code)
		p.callNumber(numberOf("rt_sigreturn"))
		p.land(over)
		p.call("rt_sigaction", int(syscall.SIGUSR1), p.words(handler, 0x04000000, restorer, 0), 0, 8) // SA_RESTORER
		p.killOneself(syscall.SIGUSR1)
		p.returned[Syscalls-1]++
		h.run(t, p, outcome{})
	})
}

func TestFilesThatAreTruncatedByOpeningThemAreCounted(t *testing.T) {
	const (
		history = Count(classes.PathHistory)
		cut     = syscall.O_WRONLY | syscall.O_TRUNC
		here    = -100 // AT_FDCWD
	)
	onEachHierarchy(t, func(t *testing.T, h *host) {
		dir := directory(t)
		p := newMachine()
		path := p.string(newTarget(0).file(t, dir, ".bash_history"))
		p.call("open", path, cut, 0)
		p.call("openat", here, path, cut, 0)
		p.call("openat2", here, path, p.words(cut, 0, 0), 24)
		p.call("creat", path, 0o600)
		p.call("open", path, syscall.O_WRONLY, 0)
		p.call("openat", here, path, syscall.O_RDWR, 0)
		p.call("openat2", here, path, p.words(syscall.O_WRONLY, 0, 0), 24)
		p.call("open", p.string(dir+"/.zsh_history"), cut|syscall.O_CREAT, 0o600) // there was nothing to remove
		h.run(t, p, outcome{
			CountOpen: 8, CountCreate: 1, CountCreateHidden: 1, CountReadClass + history: 1, CountWriteClass + history: 8,
			CountRemoveClass + history: 4,
		})
	})
}
