// SPDX-License-Identifier: Apache-2.0

package action

import (
	"errors"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// loads are what busy containers do: programs of the host, as they are.
func loads() []*Action {
	load := func(name, description, script string, programs ...string) *Action {
		return &Action{
			Name: name, Description: description, Role: Benign,
			Parameters: []Parameter{numeric("seconds", "how long", 60, 1, 3600)},
			Needs:      Needs{Host: programs},
			act:        func(s *scene) error { return s.load("root", script) },
		}
	}
	database := load("load_postgresql", "PostgreSQL answers pgbench.", postgresql, "/usr/lib/postgresql/*/bin/postgres", "/usr/bin/pgbench")
	database.act = func(s *scene) error { return s.load("postgres", postgresql) }
	return []*Action{
		load("load_go_build", "Programs and tests of the Go distribution are built, and the tests run, again and again.", `
			export GOCACHE=/tmp/cache GOPATH=/tmp/go GOFLAGS=-mod=mod GOTELEMETRY=off GOTOOLCHAIN=local CGO_ENABLED=0 PATH=/usr/local/go/bin:$PATH
			while :; do go clean -cache; go build -o /tmp/gofmt cmd/gofmt; /tmp/gofmt -l /usr/local/go/src/sort; go test sort container/list; done`,
			"/usr/local/go/bin/go"),
		load("load_package", "A Debian package is built and installed, again and again.", `
			while :; do
				rm -rf /tmp/p; mkdir -p /tmp/p/DEBIAN /tmp/p/usr/share/lab; cp -r /usr/share/common-licenses /tmp/p/usr/share/lab
				printf 'Package: lab\nVersion: 1.%s\nArchitecture: all\nMaintainer: lab\nDescription: lab\n' $((i=i+1)) >/tmp/p/DEBIAN/control
				dpkg-deb --build /tmp/p /tmp/lab.deb; dpkg -i /tmp/lab.deb; sleep 2
			done`, "/usr/bin/dpkg-deb", "/usr/bin/dpkg"),
		database,
		load("load_redis", "Redis answers redis-benchmark.", `
			redis-server --save "" --dir /tmp --port 6379 &
			sleep 1; while :; do redis-benchmark -q -n 20000 -c 10 -t set,get,lpush; done`,
			"/usr/bin/redis-server", "/usr/bin/redis-benchmark"),
		load("load_nginx", "nginx serves files to ab.", `
			mkdir -p /srv/www; cp -r /usr/share/common-licenses /srv/www/l; cd /srv/www
			echo 'events {} http { access_log /var/log/access.log; server { listen 8080; root /srv/www; } }' >/tmp/nginx.conf
			mkdir -p /var/log/nginx; nginx -c /tmp/nginx.conf -g 'daemon off;' &
			sleep 1; while :; do ab -q -n 5000 -c 8 http://127.0.0.1:8080/l/GPL-3; done`,
			"/usr/sbin/nginx", "/usr/bin/ab"),
		load("load_file_server", "Python serves files to ab.", `
			cd /usr/share/common-licenses; /usr/bin/python3 -m http.server 8000 &
			sleep 1; while :; do ab -q -n 500 -c 4 http://127.0.0.1:8000/GPL-3; sleep 0.2; done`, "/usr/bin/python3", "/usr/bin/ab"),
		load("load_stress", "stress-ng keeps processors, memory, files and fork busy.", `
			cd /tmp; while :; do stress-ng --quiet --timeout 15 --cpu 1 --io 1 --vm 1 --vm-bytes 64M --fork 1; sleep 1; done`,
			"/usr/bin/stress-ng"),
		load("load_maintenance", "Scripts rotate logs, make backups, and look after the system.", `
			while :; do
				for i in 1 2 3 4 5; do echo line >>/var/log/app.$i.log; mv /var/log/app.$i.log /var/log/app.$i.log.1; gzip -f /var/log/app.$i.log.1; done
				tar -czf /tmp/backup.tgz /usr/share/common-licenses /etc/apt /var/log; sha256sum /tmp/backup.tgz >/tmp/backup.sum
				find /var/log -name '*.gz' -mmin +60 -delete; df -h; du -s /usr/share/doc; ps ax; sleep 3
			done`, "/usr/bin/find", "/usr/bin/ps"),
	}
}

const postgresql = `
	set -e
	bin=$(dirname $(ls /usr/lib/postgresql/*/bin/postgres | tail -1)); export PGHOST=/tmp LC_ALL=C.UTF-8
	$bin/initdb -D /tmp/data -A trust -U postgres; $bin/postgres -D /tmp/data -k /tmp -c listen_addresses= &
	until pgbench -U postgres -i -s 2 postgres; do sleep 1; done
	while :; do pgbench -U postgres -c 4 -T 10 postgres; done`

// Missing are the programs that the action needs and the host lacks.
func (a *Action) Missing() (programs []string) {
	for _, pattern := range a.Needs.Host {
		if found, err := filepath.Glob(pattern); err != nil || len(found) == 0 {
			programs = append(programs, pattern)
		}
	}
	return programs
}

// load runs a script that has no end by itself, as a user, for its time.
func (s *scene) load(name, script string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.effect()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
		return errors.Join(errors.New("the load has ended by itself"), err)
	case <-time.After(s.seconds("seconds")):
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		if err := <-ended; !errors.As(err, new(*exec.ExitError)) {
			return err
		}
		return nil // it was killed
	}
}
