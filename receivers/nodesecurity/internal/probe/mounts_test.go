// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"testing"
)

// A file below a mount has the classes of its path and of its path within its file system.
func TestPathsThroughMountsHaveTheClassesOfBothSides(t *testing.T) {
	const secret = "/var/lib/kubelet/pods/u/volumes/kubernetes.io~secret/s/"
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.rooted(t)
		s.do(t, "tmpfs", "/fs", "/run", "/run/secrets", "/run/secrets/kubernetes.io")
		s.do(t, "overlay", "/merged", "/fs/layers")
		for _, mount := range []struct{ file, from, to, name, inside string }{
			{name: "/run/secrets/kubernetes.io/serviceaccount/token", inside: "/serviceaccount/token"},
			{name: "/run/secrets/kubernetes.io/token", inside: "/token"},
			{"/fs" + secret + "x", "/fs" + secret, "/certificates/", "/certificates/x", secret + "x"},
			{"/fs/d/credentials", "/fs/d/", "/app/.aws/", "/app/.aws/credentials", "/d/credentials"},
			{"/fs/.azure/x", "/fs/.azure/", "/azure/", "/azure/x", "/.azure/x"},
			{"/fs/key", "/fs/key", "/root/.ssh/id_rsa", "/root/.ssh/id_rsa", "/key"},
			{"/fs/docker.sock", "/fs/docker.sock", "/srv/control", "/srv/control", "/docker.sock"},
			{"/fs/e/f", "/fs/e/f", "/srv/.oci/f", "/srv/.oci/f", "/e/f"},
			{"/etc/shadow", "/", "/again/", "/again/etc/shadow", "/etc/shadow"},
			{"/var/log/x", "/var", "/v/", "/v/log/x", "/var/log/x"},
			{name: "/merged/etc/shadow", inside: "/etc/shadow"},
			{name: "/merged/f", inside: "/f"},
			{"/merged/root/x", "/merged/root/", "/r/", "/r/x", "/root/x"},
		} {
			t.Run(mount.name, func(t *testing.T) {
				s.do(t, "chdir", "/")
				if mount.to != "" {
					s.do(t, "put", mount.file, mount.to)
					s.do(t, "bind", mount.from, mount.to)
				}
				s.do(t, "put", mount.name)
				read := and(opened(), matched(t, CountReadClass, mount.name, mount.inside))
				s.words(t, read, reading(cwd(), str(mount.name)))
			})
		}
		s.do(t, "chdir", "/app/.aws")
		s.words(t, and(map[Count]uint32{CountUnlink: 1}, matched(t, CountRemoveClass, "/app/.aws/credentials")),
			on("unlinkat", cwd(), str("credentials"), num(0)))
	})
}

// Where a link leads is what is opened.
func TestLinkedPathsAreThoseTheyLeadTo(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.rooted(t)
		s.do(t, "put", "/etc/shadow", "/home/alice/.ssh/id_rsa", "/srv/")
		s.do(t, "symlink", "../etc/shadow", "/srv/innocent")
		s.do(t, "symlink", "/home/alice", "/srv/directory")
		s.words(t, and(opened(), matched(t, CountReadClass, "/etc/shadow")), reading(cwd(), str("/srv/innocent")))
		s.words(t, and(opened(), matched(t, CountReadClass, "/home/alice/.ssh/id_rsa")),
			reading(cwd(), str("/srv/directory/.ssh/id_rsa")))
	})
}

func TestStepsUpToSensitiveFilesAreCounted(t *testing.T) {
	traversed := and(opened(), map[Count]uint32{CountOpenTraversal: 1})
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.rooted(t)
		s.do(t, "put", "/etc/shadow", "/etc/cron.d/x", "/var/log/x", "/srv/..data/shadow", "/srv/a..b/shadow")
		for _, c := range []struct {
			cwd, spelled, name string
			want               map[Count]uint32
		}{
			{"/", "/etc/cron.d/../shadow", "/etc/shadow", traversed},
			{"/", "/srv/../etc//./shadow", "/etc/shadow", traversed},
			{"/srv", "../etc/shadow", "/etc/shadow", traversed},
			{"/srv", "../../../../../../../etc/shadow", "/etc/shadow", traversed},
			{"/", "/srv/../var/log/x", "/var/log/x", opened()},
			{"/", "/etc/shadow", "/etc/shadow", opened()},
			{"/", "/srv/..data/shadow", "/srv/..data/shadow", opened()},
			{"/", "/srv/a..b/shadow", "/srv/a..b/shadow", opened()},
		} {
			s.do(t, "chdir", c.cwd)
			s.words(t, and(c.want, matched(t, CountReadClass, c.name)), reading(cwd(), str(c.spelled)))
		}
	})
}
