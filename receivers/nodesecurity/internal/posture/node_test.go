// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func read(t testing.TB, r *Reader) []Fact {
	t.Helper()
	facts, err := r.Node()
	require.NoError(t, err)
	requireCatalogued(t, facts, ScopeNode)
	return facts
}

func TestNode(t *testing.T) {
	if !littleEndian() {
		t.Skip("the fixture's sockets are of a little-endian machine")
	}
	r := newReader(t, fixtureNode(t))
	facts := read(t, r)
	assert.Equal(t, map[string]int64{
		"kernel_kptr_restrict": 1, "kernel_dmesg_restrict": 1, "kernel_unprivileged_bpf_disabled": 2,
		"kernel_perf_event_paranoid": -1, "kernel_yama_ptrace_scope": 1, "kernel_unprivileged_userns_clone": 1,
		"kernel_kexec_load_disabled": 0, "kernel_modules_disabled": 0, "kernel_randomize_va_space": 2, "kernel_sysrq": 176,
		"fs_suid_dumpable": 2, "fs_protected_symlinks": 1, "vm_mmap_min_addr": 65536,
	}, withoutNamespaced(values(t, facts, Sysctl)))
	assert.Equal(t, map[string]int64{"": 1}, values(t, facts, Lockdown))
	assert.Equal(t, map[string]int64{"": 1}, values(t, facts, SecureBoot))
	assert.Equal(t, []string{"apparmor", "yama", "lockdown", "landlock", "bpf", "ima", "evm"}, raised(facts, LSM))
	assert.NotContains(t, values(t, facts, LSM), selinuxEnforcing)
	assert.Equal(t, map[string]int64{"": 12289}, values(t, facts, Taint))
	assert.Equal(t, []string{"proprietary_module", "out_of_tree_module", "unsigned_module"}, raised(facts, TaintFlag))
	assert.Equal(t, map[string]int64{"": 3}, values(t, facts, CPUVulnerabilities))
	assert.Equal(t, map[string]int64{tcpPorts: 7, udpPorts: 3, tcpWildcardPorts: 1, udpWildcardPorts: 2}, values(t, facts, ListeningPorts))
	assert.Equal(t, map[string]int64{"api": 1, "read_only": 0}, values(t, facts, KubeletPort))
	assert.Equal(t, map[string]int64{
		accounts: 8, rootAccounts: 2, authorizedKeys: 4, cronEntries: 5, systemdUnits: 3, modules: 3, setuidFiles: 0,
		preloadedLibraries: 3,
	}, values(t, facts, Inventory))
	assert.Empty(t, values(t, facts, Changed), "there is nothing to compare the first reading with")

	facts = read(t, r)
	assert.Len(t, values(t, facts, Changed), len(changedSubjects()))
	assert.Empty(t, raised(facts, Changed))
	assert.Zero(t, values(t, facts, ListeningPorts)[newPorts])
}

// withoutNamespaced takes out what depends on where the test runs.
func withoutNamespaced(values map[string]int64) map[string]int64 {
	for _, s := range sysctls() {
		if s.per != nsKinds {
			delete(values, s.name)
		}
	}
	return values
}

func TestNodeSysctlsOfNamespacesAreThoseOfTheReader(t *testing.T) {
	node := fixtureNode(t)
	r := newReader(t, node)
	r.host[nsNet], r.host[nsUser] = 1, 1 // not that of this process
	got := values(t, read(t, r), Sysctl)
	assert.NotContains(t, got, "net_ipv4_ip_forward")
	assert.NotContains(t, got, "user_max_user_namespaces")
	for _, kind := range []nsKind{nsNet, nsUser} {
		var st unix.Stat_t
		require.NoError(t, unix.Stat("/proc/self/"+kind.link(), &st))
		r.host[kind] = st.Ino
	}
	got = values(t, read(t, r), Sysctl)
	assert.Equal(t, int64(1), got["net_ipv4_ip_forward"])
	assert.Equal(t, int64(63704), got["user_max_user_namespaces"])
}

func TestNodeChanges(t *testing.T) {
	for _, tt := range []struct{ subject, path, content string }{
		{accounts, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"},
		{accounts, "etc/shadow", "root:*:19000:0:99999:7:::\n"},
		{authorizedKeys, "root/.ssh/authorized_keys2", "ssh-ed25519 A\n"},
		{authorizedKeys, "home/carol/.ssh/authorized_keys", "ssh-ed25519 A\n"},
		{cron, "etc/cron.hourly/x", "#!/bin/sh\n"},
		{cron, "var/spool/cron/root", "* * * * * x\n"},
		{cron, "etc/cron.daily/logrotate", "#!/bin/sh\nexit 1\n"},
		{systemdUnits, "etc/systemd/system/app.service.d/x.conf", "[Service]\n"},
		{systemdUnits, "usr/lib/systemd/system/ssh.service", "[Service]\nExecStart=/tmp/sshd\n"},
		{listeningPorts, "proc/1/net/tcp", "   0: 00000000:1F91 00000000:0000 0A\n"},
		{modules, "proc/modules", "rootkit 1 0 - Live 0x0\n"},
		{kernelParameters, "proc/sys/kernel/core_pattern", "|/tmp/x\n"},
		{kernelParameters, "proc/sys/kernel/kptr_restrict", "0\n"},
		{sudoers, "etc/sudoers.d/x", "alice ALL=(ALL) NOPASSWD: ALL\n"},
		{preloadedLibraries, "etc/ld.so.preload", "/tmp/x.so\n"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			node := fixtureNode(t)
			r := newReader(t, node)
			read(t, r)
			write(t, node, tt.path, tt.content)
			changed := raised(read(t, r), Changed)
			if tt.path == "etc/passwd" {
				assert.Contains(t, changed, authorizedKeys, "homes went with their accounts")
				changed = changed[:1]
			}
			assert.Equal(t, []string{tt.subject}, changed)
			assert.Empty(t, raised(read(t, r), Changed), "the change is the state now")
		})
	}
}

func TestNodeModulesInUseDoNotChange(t *testing.T) {
	node := fixtureNode(t)
	r := newReader(t, node)
	read(t, r)
	write(t, node, "proc/modules", "nf_conntrack 200704 5 nf_nat, Live 0x0\noverlay 212992 43 - Live 0x0\nvboxdrv 1 1 - Live 0x0 (OE)\n")
	assert.Empty(t, raised(read(t, r), Changed))
}

func TestNodeNewPorts(t *testing.T) {
	if !littleEndian() {
		t.Skip("the fixture's sockets are of a little-endian machine")
	}
	node := fixtureNode(t)
	r := newReader(t, node)
	r.host[nsNet] = 1
	write(t, node, "proc/1/net/tcp", "   0: 0100007F:0050 00000000:0000 0A\n")
	write(t, node, "proc/1/net/udp", "   0: 00000000:0035 00000000:0000 07\n")
	read(t, r)
	write(t, node, "proc/1/net/tcp", "   0: 00000000:0050 00000000:0000 0A\n   1: 0A00A8C0:280A 00000000:0000 0A\n   2: 00000000:280F 00000000:0000 0A\n")
	write(t, node, "proc/1/net/udp", "   0: 00000000:0035 00000000:0000 07\n   1: 00000000:9C40 00000000:0000 07\n")
	facts := read(t, r)
	assert.Equal(t, int64(2), values(t, facts, ListeningPorts)[newPorts], "neither the known port at a new address nor an ephemeral one")
	assert.Equal(t, map[string]int64{"api": 1, "read_only": 1}, values(t, facts, KubeletPort))
	write(t, node, "proc/1/net/udp", "   0: 00000000:0035 00000000:0000 07\n")
	assert.Empty(t, raised(read(t, r), Changed), "ephemeral ports come and go")
}

func TestNodeWhatIsUnknownIsAbsent(t *testing.T) {
	node := t.TempDir()
	write(t, node, "proc/1/net/tcp", "")
	facts, err := newReader(t, node).Node()
	require.ErrorContains(t, err, "proc/1/mountinfo")
	require.ErrorContains(t, err, "proc/1/net/udp")
	requireCatalogued(t, facts, ScopeNode)
	// No crontab is no entry of cron, but no list of modules is not that there is none.
	assert.Equal(t, []Fact{
		{Inventory, cronEntries, 0}, {Inventory, systemdUnits, 0}, {Inventory, preloadedLibraries, 0}, {Inventory, setuidFiles, 0},
	}, facts)
}

// TestNodeHostileHomes has in homes what must neither block, nor be read, nor lead out of the root.
func TestNodeHostileHomes(t *testing.T) {
	node := fixtureNode(t)
	outside := t.TempDir()
	write(t, outside, "authorized_keys", "ssh-ed25519 A\nssh-ed25519 B\nssh-ed25519 C\n")
	passwd := ""
	home := func(name string) string {
		passwd += name + ":x:1:1::/home/" + name + ":/bin/sh\n"
		path := filepath.Join(node, "home", name)
		require.NoError(t, os.MkdirAll(path, 0o755))
		return path
	}
	require.NoError(t, os.Symlink(outside, filepath.Join(home("linked-dir"), ".ssh")))
	require.NoError(t, os.Mkdir(filepath.Join(home("linked-file"), ".ssh"), 0o755))
	require.NoError(t, os.Symlink("/proc/kmsg", filepath.Join(node, "home/linked-file/.ssh/authorized_keys")))
	require.NoError(t, os.Mkdir(filepath.Join(home("fifo"), ".ssh"), 0o755))
	require.NoError(t, unix.Mkfifo(filepath.Join(node, "home/fifo/.ssh/authorized_keys"), 0o600))
	require.NoError(t, unix.Mkfifo(filepath.Join(home("fifo-dir"), ".ssh"), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(home("dir"), ".ssh/authorized_keys"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(home("huge"), ".ssh"), 0o755))
	write(t, node, "home/huge/.ssh/authorized_keys", "")
	require.NoError(t, os.Truncate(filepath.Join(node, "home/huge/.ssh/authorized_keys"), 1<<40))
	passwd += "escaping:x:1:1::/../../../../../../.." + outside + ":/bin/sh\nlink:x:1:1::/escape:/bin/sh\n"
	require.NoError(t, os.Symlink(outside, filepath.Join(node, "escape")))
	write(t, outside, ".ssh/authorized_keys", "ssh-ed25519 A\n")
	write(t, node, "etc/passwd", passwd)
	require.NoError(t, os.RemoveAll(filepath.Join(node, "root")))

	r := newReader(t, node)
	got := values(t, read(t, r), Inventory)
	// One for each of the two links, and the huge file is one line of NULs.
	assert.Equal(t, int64(3), got[authorizedKeys])
	assert.LessOrEqual(t, len(r.tree.buf), 2*maxContent)
	require.NoError(t, os.Remove(filepath.Join(node, "home/linked-file/.ssh/authorized_keys")))
	require.NoError(t, os.Symlink("/proc/keys", filepath.Join(node, "home/linked-file/.ssh/authorized_keys")))
	assert.Equal(t, []string{authorizedKeys}, raised(read(t, r), Changed), "where a link leads is part of the content")
}

func TestNodeKeysOfALinkedHome(t *testing.T) {
	node := fixtureNode(t)
	require.NoError(t, os.MkdirAll(filepath.Join(node, "var"), 0o755))
	require.NoError(t, os.Rename(filepath.Join(node, "root"), filepath.Join(node, "var/roothome")))
	require.NoError(t, os.Symlink("/var/roothome", filepath.Join(node, "root")))
	assert.Equal(t, int64(4), values(t, read(t, newReader(t, node)), Inventory)[authorizedKeys])
}

func TestTreeDir(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "var/home/a"), 0o755))
	require.NoError(t, os.Symlink("/var/home", filepath.Join(root, "home")))
	require.NoError(t, os.Symlink("/home", filepath.Join(root, "out")))
	tree, err := openTree(root)
	require.NoError(t, err)
	defer tree.close()
	fd, err := tree.dir("/home/a")
	require.NoError(t, err, "an absolute link on the way is one within the root")
	unix.Close(fd)
	_, err = tree.ownDir("/home")
	require.ErrorIs(t, err, unix.ENOTDIR, "a link itself")
	fd, err = tree.ownDir("/home/a")
	require.NoError(t, err)
	unix.Close(fd)
	require.NoError(t, os.Symlink("var/home", filepath.Join(root, "relative")))
	fd, err = tree.openDirByRoot("relative/a", 0)
	require.NoError(t, err)
	unix.Close(fd)
	_, err = tree.openDirByRoot("relative", unix.O_NOFOLLOW)
	require.ErrorIs(t, err, unix.ENOTDIR)
	_, err = tree.openDirByRoot("home", 0)
	require.Error(t, err, "an absolute link")
	require.NoError(t, os.Symlink("../../../../../../../../tmp", filepath.Join(root, "up")))
	_, err = tree.dir("/up")
	require.ErrorIs(t, err, unix.ENOENT, "there is nothing above the root")
	fd, err = tree.dir("/../../var")
	require.NoError(t, err)
	unix.Close(fd)
}

func TestSetuidSweep(t *testing.T) {
	node := t.TempDir()
	put := func(path string, mode os.FileMode) {
		write(t, node, path, "x")
		require.NoError(t, os.Chmod(filepath.Join(node, path), mode))
	}
	put("usr/bin/sudo", 0o755|os.ModeSetuid)
	put("usr/bin/ls", 0o755)
	put("usr/lib/a/b/c/helper", 0o700|os.ModeSetuid)
	put("opt/app/x", 0o755|os.ModeSetuid|os.ModeSetgid)
	put("srv/elsewhere", 0o755|os.ModeSetuid)
	for i := range 3000 {
		put("usr/lib/many/"+strconv.Itoa(i), 0o644)
	}
	put("usr/lib/many/zz", 0o755|os.ModeSetuid)
	require.NoError(t, os.MkdirAll(filepath.Join(node, "usr/lib/many/dir/dir"), 0o755))
	require.NoError(t, os.Symlink("usr/bin", filepath.Join(node, "bin")))
	require.NoError(t, os.Symlink("../../srv", filepath.Join(node, "opt/app/link")))
	tree, err := openTree(node)
	require.NoError(t, err)
	defer tree.close()

	s := newSetuidSweep(setuidDirs())
	sweep := func(budget int, remote ...string) (steps int) {
		for done := false; !done; done = len(s.pending) == 0 {
			require.NoError(t, s.step(tree, remote, budget))
			steps++
		}
		return steps
	}
	assert.Equal(t, 1, sweep(1<<20))
	assert.Equal(t, int64(4), s.lastCount)
	sum := s.lastSum
	assert.Greater(t, sweep(1), 3, "a big directory takes several")
	assert.Equal(t, int64(4), s.lastCount, "nothing is left out or seen twice between the steps")
	assert.Equal(t, sum, s.lastSum)

	put("usr/bin/ls", 0o755|os.ModeSetuid)
	require.NoError(t, s.step(tree, nil, 1))
	assert.Equal(t, int64(4), s.lastCount, "facts are of the last complete sweep")
	sweep(1 << 20)
	assert.Equal(t, int64(5), s.lastCount)
	assert.NotEqual(t, sum, s.lastSum)
	sweep(1<<20, "/opt")
	assert.Equal(t, int64(4), s.lastCount)
}

func BenchmarkNode(b *testing.B) {
	r := newReader(b, "/")
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		_, _ = r.Node()
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}
