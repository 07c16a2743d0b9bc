// SPDX-License-Identifier: Apache-2.0

package action

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// workActions are what hosts do every day, much of it like an attack. Those that need a program of the host that is not
// there fail and say so.
func workActions() []*Action {
	long := func(value int) Parameter { return numeric("seconds", "how long", value, 1, 600) }
	return []*Action{
		{
			Name: "build", Role: Benign, Description: "A compiler builds a program of many files, which then runs.",
			Parameters: []Parameter{count("files", 12, 1, 200)}, act: build,
		}, {
			Name: "install_package", Role: Benign, Description: "The package manager installs a package, which has a script and a service.",
			act: installPackage,
		}, {
			Name: "database_load", Role: Benign, Description: "A database writes records, waits for the disk, and reads some back.",
			Parameters: []Parameter{long(8), numeric("rate", "transactions a second", 200, 1, 5000)}, act: databaseLoad,
		}, {
			Name: "rotate_logs", Role: Benign, Description: "Logs are moved away, packed, and begun anew; the oldest is removed.",
			act: func(s *scene) error {
				return s.shell(`cd /var/log && seq 20000 >app.log && for i in 4 3 2 1; do [ -e app.log.$i.gz ] && mv app.log.$i.gz app.log.$((i+1)).gz; done
					mv app.log app.log.1 && gzip -f app.log.1 && : >app.log && rm -f app.log.5.gz`)
			},
		}, {
			Name: "cron_jobs", Role: Benign, Description: "A cron daemon runs small jobs, one a second.",
			Parameters: []Parameter{count("jobs", 5, 1, 100)}, Needs: Needs{Programs: map[string]string{"/usr/sbin/cron": "/bin/sh"}},
			act: func(s *scene) error {
				return s.run("/usr/sbin/cron", "-c", `i=0; while [ $i -lt "$0" ]; do /bin/sh -c "find /tmp -mtime +1; df >/dev/null; date"; sleep 1; i=$((i+1)); done`,
					s.Values["count"])
			},
		}, {
			Name: "ci_job", Role: Benign, Description: "A job of a CI system: sources unpacked, built, tested, the result packed.",
			Parameters: []Parameter{count("files", 8, 1, 200)},
			act: func(s *scene) error {
				if err := build(s); err != nil {
					return err
				}
				return s.shell("cd " + buildFolder + " && for i in 1 2 3 4 5; do ./program || exit 1; done; tar -czf /tmp/artifact.tgz . && chmod 644 /tmp/artifact.tgz")
			},
		}, {
			Name: "scale_out", Role: Benign, Description: "Many workers start at once, work for a while, and end.",
			Parameters: []Parameter{count("workers", 20, 1, 200), long(5)},
			act: func(s *scene) error {
				return s.shell("i=0; while [ $i -lt $1 ]; do (timeout $2 sh -c 'while :; do sleep 0.02; done') & i=$((i+1)); done; wait",
					s.Values["count"], s.Values["seconds"])
			},
		}, {
			Name: "monitor", Role: Benign, Description: "A monitoring agent reads /proc and /sys, again and again.",
			Parameters: []Parameter{long(6)},
			act: func(s *scene) error {
				return s.shell("i=0; while [ $i -lt $1 ]; do cat /proc/stat /proc/meminfo /proc/net/dev /proc/[0-9]*/stat >/dev/null 2>&1; sleep 1; i=$((i+1)); done",
					s.Values["seconds"])
			},
		}, {
			Name: "overload", Role: Benign, Description: "More work than there are processors: everything takes longer.",
			Parameters: []Parameter{count("processes", 6, 2, 32), long(8)},
			act: func(s *scene) error {
				return s.shell("i=0; while [ $i -lt $1 ]; do (timeout $2 sh -c 'while :; do :; done') & i=$((i+1)); done; wait",
					s.Values["count"], s.Values["seconds"])
			},
		},
	}
}

// buildFolder is where things are built.
const buildFolder = "/tmp/build"

// build compiles with the first compiler that there is.
func build(s *scene) error {
	compiler := ""
	for _, name := range []string{"gcc", "cc", "clang", "clang-19", "tcc"} {
		if path, err := exec.LookPath(name); err == nil {
			compiler = path
			break
		}
	}
	if compiler == "" {
		return fmt.Errorf("there is no C compiler on this host: install gcc or clang")
	}
	if err := os.MkdirAll(buildFolder, 0o755); err != nil {
		return err
	}
	n := s.number("count")
	main := "int main(void) { int sum = 0;\n"
	for i := range n {
		text := fmt.Sprintf("int part%d(int x) { int s = 0; for (int i = 0; i < x; i++) s += i %% %d; return s; }\n", i, i+2)
		if err := os.WriteFile(filepath.Join(buildFolder, fmt.Sprintf("part%d.c", i)), []byte(text), 0o644); err != nil {
			return err
		}
		main += fmt.Sprintf("int part%d(int); sum += part%d(1000);\n", i, i)
	}
	if err := os.WriteFile(filepath.Join(buildFolder, "main.c"), []byte(main+"return sum == 1; }\n"), 0o644); err != nil {
		return err
	}
	out, err := exec.Command("/bin/sh", "-c", `cd "$1" && for f in *.c; do "$2" -O1 -c "$f" || exit 1; done && "$2" -o program *.o && ./program`,
		"sh", buildFolder, compiler).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	return nil
}

// installPackage makes a package first, as there is no mirror in an actor's network.
func installPackage(*scene) error {
	out, err := exec.Command("/bin/sh", "-c", `set -e
		mkdir -p /tmp/package/DEBIAN /tmp/package/usr/share/toy /tmp/package/etc/cron.d /tmp/package/lib/systemd/system && cd /tmp/package
		printf 'Package: nodesec-toy\nVersion: 1\nArchitecture: all\nMaintainer: lab <lab@example.invalid>\nDescription: toy\n' >DEBIAN/control
		printf '#!/bin/sh\nset -e\nmkdir -p /var/lib/toy\nchmod 750 /var/lib/toy\n' >DEBIAN/postinst && chmod 755 DEBIAN/postinst
		for i in $(seq 200); do echo $i >usr/share/toy/$i; done
		echo '# toy' >etc/cron.d/toy; printf '[Service]\nExecStart=/bin/true\n' >lib/systemd/system/toy.service
		dpkg-deb --build . /tmp/toy.deb >/dev/null && dpkg --install /tmp/toy.deb && dpkg --purge nodesec-toy`).CombinedOutput()
	if err != nil {
		return fmt.Errorf("install a package: %w: %.500s", err, out)
	}
	return nil
}

// databaseLoad is what a small database does: a log that is forced to the disk for each transaction, and reads elsewhere.
func databaseLoad(s *scene) error {
	log, err := os.OpenFile("/var/tmp/toy.db", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	const record = 512
	buffer, written, end := make([]byte, record), int64(0), time.Now().Add(s.seconds("seconds"))
	for pause := time.Second / time.Duration(s.number("rate")); time.Now().Before(end); time.Sleep(pause) {
		if _, err := log.WriteAt(buffer, written%4096*record); err != nil {
			return err
		}
		written++
		if err := log.Sync(); err != nil {
			return err
		}
		for range 3 {
			if _, err := log.ReadAt(buffer, rand.Int64N(min(written, 4096))*record); err != nil {
				return err
			}
		}
	}
	return nil
}
