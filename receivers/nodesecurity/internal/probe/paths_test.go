// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"math/rand"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
)

// matched are the counters of the classes that package classes puts a path in, or several paths together.
func matched(t *testing.T, first Count, paths ...string) map[Count]uint32 {
	t.Helper()
	tables, err := testTables()
	require.NoError(t, err)
	var bits uint64
	for _, name := range paths {
		bits |= tables.MatchPath(name)
	}
	counts := map[Count]uint32{}
	for class := range classes.PathClassNames() {
		if bits>>class&1 != 0 {
			counts[first+Count(class)] = 1
		}
	}
	return counts
}

func opened() map[Count]uint32 { return map[Count]uint32{CountOpen: 1} }

func reading(how ...string) []string { return opening("openat", append(how, num(unix.O_RDONLY))...) }

func (s *session) words(t *testing.T, want map[Count]uint32, words []string) {
	t.Helper()
	s.expect(t, want, words[0], words[1:]...)
}

// rooted is a session in a root of its own.
func (h *host) rooted(t *testing.T) *session {
	s := h.session(t)
	s.do(t, "enter root", t.TempDir())
	return s
}

// classifiedPaths has members of all classes, and what is near to them.
func classifiedPaths() []string {
	long := strings.Repeat("n", 60)
	return []string{
		"/plain", "/plain/file", "/etc/hosts", "/etc/shadow", "/etc/gshadow-", "/shadow", "/srv/shadow/below", "/etc/shadows",
		"/etc/sudoers", "/etc/sudoers.d/alice", "/etc/sudoers.d/a/b", "/srv/app/.pgpass", "/home/alice/.netrc",
		"/home/alice/.docker/config.json", "/home/alice/Login Data", "/root/.local/share/keyrings/x",
		"/home/alice/.local/share/keyrings/a/b", "/home/.local/share/keyrings", "/run/user/1000/containers/auth.json",
		"/etc/ssl/private/a.key", "/etc/ssl/cert.pem", "/home/alice/.ssh/id_ed25519", "/opt/x/tls.key", "/etc/kubernetes/pki/ca.crt",
		"/root/.aws/credentials", "/srv/.aws/credentials", "/srv/.aws/a/credentials", "/home/alice/.config/gcloud/x",
		"/var/lib/cloud/instance/user-data.txt", "/x/terraform.tfstate", "/root/.kube/config", "/srv/.kube/cache/x",
		"/etc/kubernetes/admin.conf", "/etc/kubernetes/kubelet.conf", "/var/lib/etcd/member/snap/db",
		"/var/run/secrets/kubernetes.io/serviceaccount/token", "/run/secrets/kubernetes.io/serviceaccount/token",
		"/run/secrets/other", "/var/lib/kubelet/pods/0-1/volumes/kubernetes.io~projected/t/token",
		"/var/lib/kubelet/pods/0-1/volumes/kubernetes.io~empty-dir/t/x", "/root/.ssh/authorized_keys", "/root/.ssh/rc",
		"/home/alice/.ssh/known_hosts", "/etc/ssh/sshd_config", "/home/alice/.bash_history", "/root/.bash_history",
		"/home/alice/.zsh_sessions/1", "/home/alice/.bashrc", "/root/.profile", "/etc/profile.d/x.sh", "/etc/bash.bashrc",
		"/bin/ls", "/usr/bin/ls", "/usr/share/x", "/usr/lib/x86_64/security/pam.so", "/opt/app/bin/x", "/opt/app/etc/x", "/opt/bin/x",
		"/root/x", "/rootless/x", "/etc/cron.d/x", "/etc/cron.daily/a/b", "/var/spool/cron/crontabs/root", "/etc/systemd/system/a.service",
		"/lib/systemd/system/a.service", "/etc/ld.so.preload", "/home/alice/.config/systemd/user/a.service",
		"/usr/lib/modules/6/a.ko", "/boot/vmlinuz", "/etc/passwd", "/etc/pam.d/sshd", "/home/alice/.config/autostart/x",
		"/var/lib/dpkg/status", "/etc/apt/sources.list", "/lib/apk/db/installed", "/usr/lib/sysimage/rpm/x",
		"/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/sys/fs/cgroup/x/release_agent", "/proc/sysrq-trigger",
		"/proc/1/root/etc/shadow", "/dev/mem", "/sys/kernel/debug/x", "/var/log/syslog", "/var/log/a/b", "/var/logs/x", "/srv/wtmp",
		"/var/lib/docker/containers/0/0-json.log", "/run/docker.sock", "/srv/containerd.sock", "/run/containerd/s/1",
		"/run/user/1000/podman/x", "/var/lib/containerd/x", "/run/netns/x", "/etc/cron.d/" + long, "/" + long + "/shadow",
		"/opt/" + long + "/bin/x", "/home/" + long + "/.ssh/identity", "/home/alice/" + long + "/.ssh/" + long,
		"/opt/" + long27("m") + "/x", "/opt/" + long27("m") + "m/x", "/srv/" + long27("n"), "/srv/" + long27("n") + "n",
		"/srv/" + long27("d") + "/x", "/srv/" + long27("d") + "d/x", "/home/alice/..x/shadow", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/shadow",
		"/etc/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/.kube/20", "/1" + strings.Repeat("/etc/root", 30) + "/.ssh/x",
	}
}

// long27 is the longest name that a table can hold.
func long27(letter string) string { return strings.Repeat(letter, 27) }

func TestEveryWayToAPathHasItsClasses(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.rooted(t)
		for _, name := range classifiedPaths() {
			s.do(t, "chdir", "/")
			if s.isDirectory(name) {
				s.do(t, "put", name+"/")
				s.words(t, and(opened(), matched(t, CountReadClass, name)), reading(cwd(), str(name)))
				continue
			}
			s.do(t, "put", name)
			s.everyWay(t, name, name)
		}
	})
}

func (s *session) isDirectory(name string) bool {
	for _, other := range classifiedPaths() {
		if strings.HasPrefix(other, name+"/") {
			return true
		}
	}
	return false
}

// everyWay opens, empties, moves and removes a file. It has the classes of all the names.
func (s *session) everyWay(t *testing.T, name string, names ...string) {
	read := and(opened(), matched(t, CountReadClass, names...))
	written := matched(t, CountWriteClass, names...)
	removed := matched(t, CountRemoveClass, names...)
	dir, leaf := path.Split(name)
	relative := strings.TrimPrefix(name, "/")
	s.do(t, "chdir", "/")
	s.words(t, read, reading(cwd(), str(name)))
	s.words(t, read, reading(cwd(), str(".//"+strings.ReplaceAll(relative, "/", "/.//"))))
	s.words(t, and(opened(), written), opening("openat", cwd(), str(name), num(unix.O_WRONLY)))
	s.words(t, and(read, written, removed), opening("openat", cwd(), str(name), num(unix.O_RDWR|unix.O_TRUNC)))
	truncated := and(map[Count]uint32{CountTruncate: 1}, removed)
	s.words(t, truncated, on("truncate", str(name), num(3)))
	s.words(t, truncated, on("truncate", str(strings.ReplaceAll(name, "/", "//./")), num(2)))
	s.words(t, truncated, on("truncate", str(relative), num(1)))
	s.words(t, and(map[Count]uint32{CountRename: 1}, removed), on("renameat", cwd(), str(relative), cwd(), str("/elsewhere")))
	s.words(t, and(map[Count]uint32{CountRename: 1}, written), on("renameat", cwd(), str("/elsewhere"), cwd(), str(name)))
	s.do(t, "hold", "100", dir, "0")
	s.words(t, read, reading(num(100), str(leaf)))
	s.do(t, "chdir", dir)
	s.words(t, read, reading(cwd(), str("./"+leaf)))
	s.words(t, truncated, on("truncate", str(leaf), num(1)))
	s.words(t, and(map[Count]uint32{CountUnlink: 1}, removed), on("unlinkat", num(100), str("./"+leaf), num(0)))
}

func TestLongSpellingsHaveTheirClasses(t *testing.T) {
	padding := "/" + strings.Repeat(strings.Repeat("p", 100)+"/", 5)
	deep := padding + ".kube/"
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.rooted(t)
		for _, name := range []string{
			padding + "id_rsa", deep + "x", padding + "x", deep + strings.Repeat("l", 40), padding + "opt/bin/x",
			"/etc" + padding + "x", "/etc" + padding + "shadow", "/var/log/" + strings.Repeat("l", 255),
			"/" + strings.Repeat("a/", 170) + "shadow", "/" + strings.Repeat("a/", 1500) + "shadow",
		} {
			s.do(t, "put", name)
			s.words(t, and(map[Count]uint32{CountUnlink: 1}, matched(t, CountRemoveClass, name)),
				on("unlinkat", cwd(), str(name), num(0)))
		}
		s.do(t, "put", "/srv/.ssh/")
		s.words(t, and(map[Count]uint32{CountUnlink: 1}, matched(t, CountRemoveClass, "/srv/.ssh")),
			on("unlinkat", cwd(), str("/srv/.ssh//"), num(0x200)))
	})
}

// The kernel's walk and package classes agree on files that nobody has chosen.
func TestRandomPathsAreClassifiedAsByPackageClasses(t *testing.T) {
	directories := []string{
		"etc", "root", "home", "alice", ".ssh", "var", "log", "run", "secrets", "kubernetes.io", "lib", "kubelet", "pods", "volumes",
		"kubernetes.io~secret", ".kube", "usr", "bin", "opt", "systemd", "cron.d", "x", "x", strings.Repeat("y", 28), "user", "podman",
	}
	leaves := []string{"shadow", "id_rsa", "authorized_keys", "f", "f", "f", "docker.sock", ".bashrc", "token", strings.Repeat("z", 255)}
	onEachHierarchy(t, func(t *testing.T, h *host) {
		random := rand.New(rand.NewSource(1))
		s := h.rooted(t)
		s.do(t, "put", "/etc/new/root/") // where a directory of a file system is the root, its path does not matter
		s.do(t, "chroot", "/etc/new/root")
		for range 300 {
			var name string
			for range random.Intn(9) {
				name += "/" + directories[random.Intn(len(directories))]
			}
			name += "/" + leaves[random.Intn(len(leaves))]
			s.do(t, "put", name)
			s.words(t, and(opened(), matched(t, CountReadClass, name)), reading(cwd(), str(name)))
			s.words(t, and(map[Count]uint32{CountUnlink: 1}, matched(t, CountRemoveClass, name)),
				on("unlinkat", cwd(), str(name), num(0)))
		}
	})
}

func TestDescriptorsOfBothDirectoriesTell(t *testing.T) {
	logs, credentials := of(CountRemoveClass, classes.PathLog), matched(t, CountWriteClass, "/etc/sudoers.d/x")
	token := "/run/secrets/kubernetes.io/serviceaccount"
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.rooted(t)
		s.do(t, "put", "/var/log/x", "/etc/sudoers.d/", token+"/token")
		s.do(t, "hold", "100", "/var/log", "0")
		s.do(t, "hold", "101", "/etc/sudoers.d", "0")
		s.do(t, "hold", "102", token, "0")
		s.words(t, and(map[Count]uint32{CountRename: 1}, logs, credentials),
			on("renameat2", num(100), str("x"), num(101), str("x"), num(0)))
		s.words(t, and(map[Count]uint32{CountLink: 1, CountLinkSensitive: 1}, credentials),
			on("linkat", num(102), str("token"), num(101), str("y"), num(0)))
		s.words(t, and(map[Count]uint32{CountLink: 1}, credentials), on("symlinkat", str("/nothing"), num(101), str("z")))
		s.words(t, and(map[Count]uint32{CountUnlink: 1}, matched(t, CountRemoveClass, token+"/token")),
			on("unlinkat", num(102), str("token"), num(0)))
		s.do(t, "chdir", "/var/log")
		s.words(t, map[Count]uint32{CountLink: 1}, on("symlinkat", str("/nothing"), num(-1), str("/srv")))
	})
}
