// SPDX-License-Identifier: Apache-2.0

package action

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// callActions are attempts by one system call. Those that could change the machine have arguments with which they fail.
func callActions() []*Action {
	call := func(name, description string, privileged bool, techniques []string, act func(*scene) error) *Action {
		return &Action{Name: name, Description: description, Role: Attack, Techniques: techniques,
			Needs: Needs{Privileged: privileged}, act: act}
	}
	raw := func(number, a, b, c uintptr) func(*scene) error {
		return func(*scene) error { _, _, _ = unix.Syscall(number, a, b, c); return nil }
	}
	const bad = ^uintptr(0) // no descriptor, no pointer
	escape, exploit := []string{"T1611"}, []string{"T1068"}
	return []*Action{
		call("ptrace", "Another process is traced.", false, []string{"T1055.008", "T1003.007"}, ptrace),
		call("ptrace_self", "A process asks to be traced, to see if it is already.", false, []string{"T1622"}, traceMe),
		call("read_memory", "The memory of another process is read.", false, []string{"T1003.007"}, memoryOfOther(unix.SYS_PROCESS_VM_READV)),
		call("write_memory", "The memory of another process is written: the byte that is there.", false, []string{"T1055"}, memoryOfOther(unix.SYS_PROCESS_VM_WRITEV)),
		call("steal_descriptor", "A descriptor is taken from another process.", false, []string{"T1055"}, stealDescriptor),
		call("user_namespace", "A process makes a user namespace.", false, append(exploit, "T1611"), inNewNamespaces(unix.CLONE_NEWUSER)),
		call("user_namespace_mount", "In a user namespace something is mounted.", false, append(exploit, "T1611"), mountInUserNamespace),
		call("unshare", "A process leaves the namespace of host names.", true, escape, unshare),
		call("setns", "A process enters a namespace.", true, escape, setns),
		call("mount", "A file system is mounted.", true, escape, mountSomething),
		call("pivot_root", "The root is changed, to where it can not be.", true, escape, raw(unix.SYS_PIVOT_ROOT, bad, bad, 0)),
		call("load_bpf", "A BPF program that does nothing is loaded.", true, []string{"T1014", "T1611"}, loadBPF),
		call("perf_event", "A performance counter is opened.", false, exploit, raw(unix.SYS_PERF_EVENT_OPEN, bad, 0, bad)),
		call("load_module", "A kernel module is loaded, from no file.", true, []string{"T1547.006", "T1611", "T1014"}, raw(unix.SYS_FINIT_MODULE, bad, bad, 0)),
		call("userfaultfd", "Faults of memory are handled in user space.", false, exploit, userfaultfd),
		call("io_uring", "A ring for system calls is set up.", false, []string{"T1562.001", "T1106"}, raw(unix.SYS_IO_URING_SETUP, 0, bad, 0)),
		call("keyctl", "The kernel's keys are asked for.", false, []string{"T1552"}, raw(unix.SYS_KEYCTL, unix.KEYCTL_GET_KEYRING_ID, bad, 0)),
		call("write_and_execute", "Memory is made writable and executable, and a program that was dropped runs.", false,
			[]string{"T1027.002", "T1620"}, unpack),
		call("swap", "A swap file that is not there is switched on.", true, []string{"T1499", "T1611"}, raw(unix.SYS_SWAPON, bad, 0, 0)),
		call("reboot", "The machine is restarted, without the magic numbers.", true, []string{"T1529"}, raw(unix.SYS_REBOOT, 0, 0, 0)),
		call("kexec", "Another kernel is loaded, from no file.", true, []string{"T1529", "T1014"}, raw(unix.SYS_KEXEC_FILE_LOAD, bad, bad, 0)),
		call("quota", "Quotas of no file system are asked for.", false, exploit, raw(unix.SYS_QUOTACTL, bad, bad, 0)),
		call("no_arguments", "A program is executed without its own name.", false, exploit, withoutArguments),
		call("gain_root", "A user becomes root by a setuid program, which does nothing.", false, []string{"T1548.001", "T1548.003"}, gainRoot),
	}
}

func sleeper(s *scene) (pid int, err error) {
	cmd := exec.Command("/bin/sleep", "60")
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	s.after(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	return cmd.Process.Pid, nil
}

func ptrace(s *scene) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pid, err := sleeper(s)
	if err != nil {
		return err
	}
	if err := unix.PtraceAttach(pid); err != nil {
		return err
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
		return err
	}
	return unix.PtraceDetach(pid)
}

// traceMe asks in a shell's child, so that nobody waits for a tracee: the child ends at once.
func traceMe(*scene) error {
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = cmd.Process.Kill() // it is stopped at its first instruction
	_ = cmd.Wait()
	return nil
}

// memoryOfOther uses a child of this program, as the addresses of this program are valid there.
func memoryOfOther(number uintptr) func(*scene) error {
	return func(s *scene) error {
		pid, err := sleeper(s)
		if err != nil {
			return err
		}
		var byteOfOurs [1]byte
		local := unix.Iovec{Base: &byteOfOurs[0], Len: 1}
		remote := unix.RemoteIovec{Base: 1, Len: 1} // nothing is there: the call fails
		_, _, _ = unix.Syscall6(number, uintptr(pid), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
		return nil
	}
}

func stealDescriptor(s *scene) error {
	pid, err := sleeper(s)
	if err != nil {
		return err
	}
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(process) }()
	if fd, err := unix.PidfdGetfd(process, 0, 0); err == nil {
		return unix.Close(fd)
	}
	return nil // warded off
}

func inNewNamespaces(flags uintptr, command ...string) func(*scene) error {
	return func(*scene) error {
		if len(command) == 0 {
			command = []string{"/bin/true"}
		}
		cmd := exec.Command(command[0], command[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags,
			UidMappings: []syscall.SysProcIDMap{{HostID: 0, Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: 0, Size: 1}}}
		_ = cmd.Run() // warded off, or not
		return nil
	}
}

func mountInUserNamespace(s *scene) error {
	return inNewNamespaces(unix.CLONE_NEWUSER|unix.CLONE_NEWNS, "/bin/mount", "-t", "tmpfs", "none", "/media")(s)
}

func unshare(*scene) error {
	runtime.LockOSThread() // the thread ends with the action
	return unix.Unshare(unix.CLONE_NEWUTS)
}

func setns(*scene) error {
	runtime.LockOSThread()
	own, err := os.Open("/proc/self/ns/uts")
	if err != nil {
		return err
	}
	defer func() { _ = own.Close() }()
	return unix.Setns(int(own.Fd()), unix.CLONE_NEWUTS)
}

func mountSomething(*scene) error {
	if err := unix.Mount("none", "/mnt", "tmpfs", 0, "size=4k"); err != nil {
		return err
	}
	return unix.Unmount("/mnt", 0)
}

// loadBPF loads "return 0" as a filter of a socket.
func loadBPF(*scene) error {
	program := [2]uint64{0xb7, 0x95} // r0 = 0; exit
	license := [4]byte{'G', 'P', 'L'}
	var attributes [32]uint32 // union bpf_attr, as far as the kernel may read
	attributes[0], attributes[1] = unix.BPF_PROG_TYPE_SOCKET_FILTER, uint32(len(program))
	*(*uint64)(unsafe.Pointer(&attributes[2])) = uint64(uintptr(unsafe.Pointer(&program)))
	*(*uint64)(unsafe.Pointer(&attributes[4])) = uint64(uintptr(unsafe.Pointer(&license)))
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(&attributes)), unsafe.Sizeof(attributes))
	runtime.KeepAlive(&program)
	runtime.KeepAlive(&license)
	if errno == 0 {
		return unix.Close(int(fd))
	}
	return nil // warded off
}

func userfaultfd(*scene) error {
	if fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0); errno == 0 {
		return unix.Close(int(fd))
	}
	return nil
}

func unpack(*scene) error {
	memory, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(memory) }()
	if err := unix.Mprotect(memory, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC); err != nil {
		return err
	}
	if err := copyFile("/bin/true", "/tmp/packed"); err != nil {
		return err
	}
	return exec.Command("/tmp/packed").Run()
}

// withoutArguments: since Linux 5.18 the kernel gives such a program an empty name.
func withoutArguments(*scene) error {
	pid, err := syscall.ForkExec("/bin/true", nil, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	if err != nil {
		return nil //nolint:nilerr // warded off
	}
	_, err = syscall.Wait4(pid, nil, 0, nil)
	return err
}

func gainRoot(*scene) error {
	if err := copyFile("/bin/true", "/usr/local/bin/helper"); err != nil {
		return err
	}
	if err := unix.Chmod("/usr/local/bin/helper", 0o4755); err != nil {
		return err
	}
	cmd := exec.Command("/usr/local/bin/helper")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	return cmd.Run()
}
