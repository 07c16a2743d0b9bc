// SPDX-License-Identifier: Apache-2.0

package action

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// readTargets are files that attackers read, by what is in them.
func readTargets() map[string]string {
	return map[string]string{ //nolint:gosec // names of files
		"shadow": "/etc/shadow", "ssh": "/root/.ssh/id_ed25519", "known_hosts": "/root/.ssh/known_hosts",
		"history": "/root/.bash_history", "cloud": "/root/.aws/credentials", "kubernetes": "/root/.kube/config",
		"token": "/run/secrets/kubernetes.io/serviceaccount/token",
	}
}

func readings() []*Action {
	return []*Action{
		{
			Name: "read", Role: Attack,
			Techniques:  []string{"T1003.008", "T1552.001", "T1552.003", "T1552.004", "T1552.007", "T1528"},
			Description: "A file with secrets is read. It is a toy.",
			Parameters: []Parameter{choice("target", "which one", "shadow", "ssh", "known_hosts", "history", "cloud", "kubernetes",
				"token"), count("how often", 1, 1, 1000), shellBelow()},
			Needs: Needs{Programs: servers()}, act: readSecret,
		}, {
			Name: "search_keys", Role: Attack, Techniques: []string{"T1552.004"},
			Description: "Private keys are looked for and read.", Parameters: []Parameter{count("keys", 12, 1, 1000)},
			act: searchKeys,
		}, {
			Name: "read_processes", Role: Attack, Techniques: []string{"T1003.007", "T1552.007", "T1055"},
			Description: "The environments, maps and memory of other processes are read.",
			Parameters: []Parameter{choice("what", "what is read", "environ", "maps", "mem"),
				count("how often", 30, 1, 1000)}, act: readProcesses,
		}, {
			Name: "read_by_parent_path", Role: Attack, Techniques: []string{"T1083", "T1190"},
			Description: "A file of secrets is opened by a path that climbs out of a web server's folder.",
			act: func(*scene) error {
				if err := os.MkdirAll("/srv/www/files", 0o755); err != nil {
					return err
				}
				return readWhole("/srv/www/files/../../../etc/shadow")
			},
		},
	}
}

// changes are about files that are made, changed and removed.
func changes() []*Action {
	return []*Action{
		{
			Name: "link_secret", Role: Attack, Techniques: []string{"T1564", "T1552.001"},
			Description: "A link to a file of secrets is made.",
			act:         func(*scene) error { return os.Symlink("/etc/shadow", "/tmp/notes") },
		}, {
			Name: "open_by_handle", Role: Attack, Techniques: []string{"T1611"},
			Description: "A file is opened by its handle, past the root of the container.",
			Needs:       Needs{Privileged: true}, act: openByHandle,
		}, {
			Name: "set_bit", Role: Attack, Techniques: []string{"T1548.001"},
			Description: "A program gets the setuid or setgid bit.",
			Parameters:  []Parameter{choice("bit", "which one", "setuid", "setgid")},
			act: func(s *scene) error {
				bit := map[string]uint32{"setuid": 0o4755, "setgid": 0o2755}[s.Values["bit"]]
				if err := copyFile("/bin/true", "/tmp/helper"); err != nil {
					return err
				}
				return unix.Chmod("/tmp/helper", bit)
			},
		}, {
			Name: "clear_history", Role: Attack, Techniques: []string{"T1070.003"},
			Description: "The history of a shell is removed.",
			act:         func(*scene) error { return os.Remove("/root/.bash_history") },
		}, {
			Name: "remove_logs", Role: Attack, Techniques: []string{"T1070.002"},
			Description: "Logs are removed.", Needs: Needs{Programs: servers()},
			Parameters: []Parameter{count("logs", 30, 1, 1000), shellBelow()}, act: removeLogs,
		}, {
			Name: "hide_files", Role: Attack, Techniques: []string{"T1564.001"},
			Description: "Hidden files are made.", Needs: Needs{Programs: servers()},
			Parameters: []Parameter{count("files", 5, 1, 100), shellBelow()},
			act: func(s *scene) error {
				return s.below(s.Values["below"], "for i in $(seq "+s.Values["count"]+"); do echo >/tmp/.x$i; done")
			},
		}, {
			Name: "encrypt_files", Role: Attack, Techniques: []string{"T1486", "T1485"},
			Description: "Files of the actor's own are read, changed, and renamed, or written anew and removed.",
			Parameters: []Parameter{count("files", documentCount, 1, documentCount), numeric("seconds", "the time that it takes", 20, 1, 600),
				choice("style", "whether the files are changed or written anew", "in_place", "copy")},
			Needs: Needs{Files: documents()}, act: encryptFiles,
		}, {
			Name: "delete_files", Role: Attack, Techniques: []string{"T1485"},
			Description: "Files of the actor's own are removed by a shell.", Needs: Needs{Programs: servers(), Files: documents()},
			Parameters: []Parameter{shellBelow()},
			act: func(s *scene) error {
				return s.below(s.Values["below"], "rm -r "+documentFolder+"; true")
			},
		}, {
			Name: "read_kernel_log", Role: Attack, Techniques: []string{"T1082"},
			Description: "The kernel's log is asked for.",
			act:         func(*scene) error { _, _ = unix.Klogctl(unix.SYSLOG_ACTION_SIZE_BUFFER, nil); return nil },
		},
	}
}

func readWhole(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = file.Read(make([]byte, 4096))
	return errors.Join(err, file.Close())
}

func readSecret(s *scene) error {
	path := readTargets()[s.Values["target"]]
	if server := s.Values["below"]; server != none {
		return s.below(server, "for i in $(seq "+s.Values["count"]+"); do cat "+path+" >/dev/null; done")
	}
	return times(s.number("count"), func(int) error {
		if file, err := os.Open(path); err == nil {
			return file.Close()
		}
		return fmt.Errorf("open %s", path)
	})
}

func searchKeys(s *scene) error {
	err := times(s.number("count"), func(i int) error {
		dir := "/home/user" + strconv.Itoa(i) + "/keys"
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		return os.WriteFile(dir+"/id_rsa", []byte("not a key\n"), 0o600)
	})
	if err != nil {
		return err
	}
	return s.shell("find /home -name id_rsa -exec cat {} + >/dev/null")
}

func readProcesses(s *scene) error {
	if err := s.spawn("/bin/sleep", "60"); err != nil {
		return err
	}
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	files := []string{s.Values["what"]}
	if files[0] == "mem" {
		files = []string{"maps", "mem"}
	}
	return times(s.number("count"), func(i int) error {
		for _, name := range files {
			file, err := os.Open(filepath.Join(entries[i%len(entries)], name))
			if err != nil {
				continue // of a process that is gone, or of one that may not be looked into
			}
			_, _ = file.Read(make([]byte, 64))
			_ = file.Close()
		}
		return nil
	})
}

// openByHandle uses a file system that has handles whatever the root's is.
func openByHandle(*scene) error {
	const path = "/dev/shm/file"
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		return err
	}
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
	if err != nil {
		return err
	}
	dir, err := os.Open("/dev/shm")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	fd, err := unix.OpenByHandleAt(int(dir.Fd()), handle, unix.O_RDONLY)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func removeLogs(s *scene) error {
	err := times(s.number("count"), func(i int) error {
		return os.WriteFile("/var/log/app."+strconv.Itoa(i)+".log", []byte("line\n"), 0o644)
	})
	if err != nil {
		return err
	}
	return s.below(s.Values["below"], "rm /var/log/app.*.log")
}

// Documents are files that an actor has from the beginning: 600 in 40 folders.
const (
	documentFolder = "/srv/data"
	documentCount  = 600
)

func documents() map[string]string {
	all := map[string]string{}
	for i := range documentCount {
		all[document(i)] = "nothing of interest\n"
	}
	return all
}

func document(i int) string { return fmt.Sprintf("%s/%d/%d.doc", documentFolder, i%40, i) }

// encryptFiles goes around the folders, and so slowly that rules about what lasts see it.
func encryptFiles(s *scene) error {
	n := s.number("count")
	pause := s.seconds("seconds") / time.Duration(n)
	return times(n, func(i int) error {
		time.Sleep(pause)
		if i == min(150, n-1) {
			s.effect()
		}
		return encryptFile(document(i), s.Values["style"])
	})
}

func encryptFile(path, style string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i := range text {
		text[i] ^= 0x5a
	}
	if style == "copy" {
		if err := os.WriteFile(path+".locked", text, 0o644); err != nil {
			return err
		}
		return os.Remove(path)
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := file.Write(text); err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Rename(path, path+".locked"))
}
