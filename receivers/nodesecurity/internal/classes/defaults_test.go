// SPDX-License-Identifier: Apache-2.0

package classes

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func defaultTables(t testing.TB) Tables {
	tables, err := Compile(NewDefaultConfig())
	require.NoError(t, err)
	return tables
}

// namesOf lists the classes whose bits are set, as "shell interpreter".
func namesOf[T uint32 | uint64](names []string, bits T) string {
	var set []string
	for i, name := range names {
		if bits&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, " ")
}

func TestDefaultsNameEveryClassOnceAndEveryMemberOnce(t *testing.T) {
	defaults, err := defaultMembers()
	require.NoError(t, err)
	assert.ElementsMatch(t, ExecutableClassNames(), slices.Collect(maps.Keys(defaults.Executables)))
	assert.ElementsMatch(t, PathClassNames(), slices.Collect(maps.Keys(defaults.Paths)))
	assert.ElementsMatch(t, PortClassNames(), slices.Collect(maps.Keys(defaults.Ports)))
	assert.ElementsMatch(t, NetworkClassNames(), slices.Collect(maps.Keys(defaults.Networks)))
	for class, members := range defaults.Executables {
		seen := map[ExecutableName]string{}
		for _, member := range members {
			assert.Empty(t, seen[executableName(member)], "%s: %s", class, member)
			seen[executableName(member)] = member
		}
	}
	for _, section := range []map[string][]string{defaults.Paths, defaults.Networks} {
		for class, members := range section {
			assert.Len(t, slices.Compact(slices.Sorted(slices.Values(members))), len(members), class)
		}
	}
	for class, members := range defaults.Ports {
		assert.Len(t, slices.Compact(slices.Sorted(slices.Values(members))), len(members), class)
	}
	for _, member := range defaults.Paths["shell_rc"] {
		assert.Contains(t, defaults.Paths["persistence"], member)
	}
	for class, members := range defaults.Executables {
		assert.GreaterOrEqual(t, len(members), 15, class)
	}
}

func TestDefaultTablesAreSmallAndAlwaysTheSame(t *testing.T) {
	tables := defaultTables(t)
	assert.Equal(t, tables, defaultTables(t))
	t.Logf("executables %d, path nodes %d, leaves %d, directories %d, ports %d, networks %d", len(tables.Executables),
		len(tables.PathNodes), len(tables.Leaves), len(tables.Directories), len(tables.Ports), len(tables.Networks))
	for name, size := range map[string][2]int{
		"executables": {len(tables.Executables), 2048},
		"path nodes":  {len(tables.PathNodes), 2048},
		"leaves":      {len(tables.Leaves), 512},
		"directories": {len(tables.Directories), 128},
		"ports":       {len(tables.Ports), 128},
		"networks":    {len(tables.Networks), 64},
	} {
		assert.Less(t, size[0], size[1], name)
		assert.Greater(t, size[0], size[1]/16, name)
	}
}

func TestDefaultExecutables(t *testing.T) {
	tables := defaultTables(t)
	for name, want := range map[string]string{
		"sh": "shell", "bash": "shell", "ash": "shell", "dash": "shell", "zsh-5.9": "shell", "ksh93": "shell",
		"pwsh":       "shell interpreter",
		"python3.11": "interpreter", "python3": "interpreter", "python2.7": "interpreter", "perl5.36.0": "interpreter",
		"platform-python3.6": "interpreter", "ruby3.1": "interpreter", "node": "interpreter", "lua5.4": "interpreter",
		"php": "interpreter", "php8.2": "interpreter", "php-fpm8.2": "interpreter web_server", "java": "interpreter server",
		"nc": "network_tool", "ncat": "network_tool", "nc.openbsd": "network_tool", "socat": "network_tool",
		"tcpdump": "network_tool", "nmap": "network_tool reconnaissance", "hping3": "network_tool",
		"proxychains4": "network_tool", "dig": "network_tool", "ping": "",
		"curl": "download_tool", "wget": "download_tool", "wget2": "download_tool", "aria2c": "download_tool",
		"ftp": "download_tool remote_copy", "https": "", "git": "",
		"scp": "remote_copy", "sftp": "remote_copy", "rsync": "remote_copy", "rclone": "remote_copy", "sftp-server": "",
		"apt-get": "package_manager", "dpkg": "package_manager", "dnf5": "package_manager", "yum": "package_manager",
		"apk": "package_manager", "pip3": "package_manager", "npm": "package_manager",
		"dpkg-preconfigure": "package_manager", "dpkg-preconfigu": "package_manager",
		"cargo": "package_manager compiler",
		"gcc":   "compiler", "gcc-12": "compiler", "x86_64-linux-gnu-gcc-12": "compiler", "cc1": "compiler",
		"clang-15": "compiler", "rustc": "compiler", "make": "compiler", "ld": "compiler", "ld-linux-x86-64.so.2": "",
		"whoami": "reconnaissance", "id": "reconnaissance", "ps": "reconnaissance", "uname": "reconnaissance",
		"linpeas.sh": "reconnaissance", "pspy64": "reconnaissance", "systemd-detect-virt": "reconnaissance",
		"w": "reconnaissance", "ls": "", "cat": "", "env": "", "find": "", "grep": "", "pgrep": "",
		"trufflehog": "credential_search", "mimipenguin": "credential_search", "john": "credential_search",
		"secretsdump.py": "credential_search", "impacket-secretsdump": "credential_search",
		"kubectl": "container_client", "docker": "container_client", "crictl": "container_client",
		"helm": "container_client", "kubectl1.30": "container_client",
		"peirates": "reconnaissance container_client",
		"base64":   "encoder", "base32": "encoder", "openssl": "encoder", "xxd": "encoder", "gpg2": "encoder",
		"useradd": "user_management", "passwd": "user_management", "usermod": "user_management", "sudo": "", "su": "",
		"shred": "data_destruction", "mkfs.ext4": "data_destruction", "dd": "data_destruction",
		"wipefs": "data_destruction", "rm": "",
		"xmrig": "miner", "xmrig-6.21.0": "miner", "minerd": "miner", "kdevtmpfsi": "miner", "SRBMiner-MULTI": "miner",
		"nsenter": "namespace_tool", "unshare": "namespace_tool", "mount": "namespace_tool",
		"debugfs": "namespace_tool", "chroot": "namespace_tool", "capsh": "reconnaissance namespace_tool",
		"sshd": "server", "sshd-session": "server", "vsftpd": "server", "slapd": "server", "exim4": "server",
		"nginx": "web_server", "httpd": "web_server", "apache2": "web_server", "gunicorn": "web_server",
		"mysqld": "database", "postgres": "database", "redis-server": "database", "mongod": "database",
		"clickhouse-server": "database",
		"containerd":        "runtime", "containerd-shim": "runtime", "containerd-shim-runc-v2": "runtime", "runc": "runtime",
		"conmon": "runtime", "kubelet": "runtime", "memfd:runc_cloned:/proc/self/exe": "runtime", "tini": "", "pause": "",
		"docker-init": "", "systemd-nspawn": "namespace_tool runtime",
		"ssh": "ssh_client", "dbclient": "ssh_client", "ssh-agent": "",
		"busybox": "", "toybox": "", "coreutils": "", "sleep": "", "BASH": "", "": "", "3": "",
	} {
		assert.Equal(t, want, namesOf(ExecutableClassNames(), tables.MatchExecutable(name)), name)
	}
}

func TestDefaultPaths(t *testing.T) {
	tables := defaultTables(t)
	for path, want := range map[string]string{
		// accounts
		"/etc/shadow":                 "credentials etc persistence",
		"/etc/shadow-":                "credentials etc",
		"/etc/gshadow":                "credentials etc persistence",
		"/etc/sudoers":                "credentials etc persistence",
		"/etc/sudoers.d/admins":       "credentials etc persistence",
		"/etc/security/opasswd":       "credentials etc persistence",
		"/host/etc/shadow":            "credentials",
		"shadow":                      "credentials",
		"/etc/passwd":                 "etc persistence",
		"/etc/hosts":                  "etc",
		"/etc":                        "etc",
		"/etc/resolv.conf":            "etc",
		"/etcetera/x":                 "",
		"/home/bob/.netrc":            "credentials",
		"/root/.pgpass":               "credentials root_home",
		"/root/.docker/config.json":   "credentials root_home",
		"/var/lib/app/.env":           "",
		"/home/bob/project/.npmrc":    "",
		"/home/bob/.mozilla/key4.db":  "credentials",
		"/home/bob/.config/x/y":       "",
		"/home/bob/.config/gh/x":      "",
		"/var/lib/krb5kdc/principal":  "credentials",
		"/etc/NetworkManager/nm.conf": "etc",
		// keys
		"/home/bob/.ssh/id_rsa":                    "private_key ssh",
		"/home/bob/.ssh/id_rsa.pub":                "ssh",
		"/root/.ssh/id_ed25519":                    "private_key ssh root_home",
		".ssh/id_ed25519":                          "private_key ssh",
		"id_rsa":                                   "private_key",
		"/etc/ssh/ssh_host_rsa_key":                "private_key ssh etc",
		"/etc/ssh/ssh_host_rsa_key.pub":            "ssh etc",
		"/etc/ssh/sshd_config":                     "ssh etc persistence",
		"/etc/ssh/ssh_config":                      "ssh etc",
		"/etc/ssl/private/site.key":                "private_key etc",
		"/etc/ssl/certs/ca-certificates.crt":       "etc",
		"/etc/letsencrypt/live/site/privkey.pem":   "private_key etc",
		"/etc/letsencrypt/renewal/site.conf":       "etc",
		"/etc/kubernetes/pki/ca.key":               "private_key kubernetes_credentials etc",
		"/etc/wireguard/wg0.conf":                  "private_key etc",
		"/home/bob/.bitcoin/wallet.dat":            "private_key",
		"/srv/.gnupg/private-keys-v1.d/0A1B.key":   "private_key",
		"/home/bob/.ssh":                           "ssh",
		"/home/bob/.ssh/authorized_keys":           "ssh persistence",
		"/root/.ssh/authorized_keys":               "ssh root_home persistence",
		"/var/lib/git/.ssh/known_hosts":            "ssh",
		"/home/bob/.ssh/controlmasters/x@y:22/z":   "ssh",
		"/home/bob/public/readme":                  "",
		"/home/bob":                                "",
		"/home":                                    "",
		"/var/lib/git/.ssh/deeper/known_hosts":     "",
		"/home/bob/projects/x/.ssh":                "ssh",
		"/etc/dropbear/dropbear_ed25519_host_key":  "private_key ssh etc",
		"/usr/share/keyrings/debian.gpg":           "package_db",
		"/home/bob/.local/share/keyrings/login.db": "credentials",
		// cloud and cluster
		"/root/.aws/credentials":      "cloud_credentials root_home",
		"/root/.aws/sso/cache/x.json": "cloud_credentials root_home",
		"/app/.aws/config":            "cloud_credentials",
		"/home/bob/.config/gcloud/application_default_credentials.js":      "cloud_credentials",
		"/home/bob/.azure/accessTokens.json":                               "cloud_credentials",
		"/srv/terraform.tfstate":                                           "cloud_credentials",
		"/root/.kube/config":                                               "kubernetes_credentials root_home",
		"/app/.kube/config":                                                "kubernetes_credentials",
		"/etc/kubernetes/admin.conf":                                       "kubernetes_credentials etc",
		"/host/etc/kubernetes/admin.conf":                                  "kubernetes_credentials",
		"/etc/rancher/k3s/k3s.yaml":                                        "kubernetes_credentials etc",
		"/var/lib/kubelet/pki/kubelet-client-current.pem":                  "private_key kubernetes_credentials volume",
		"/var/lib/etcd/member/snap/db":                                     "kubernetes_credentials",
		"/var/run/secrets/kubernetes.io/serviceaccount/token":              "service_account_token",
		"/run/secrets/kubernetes.io/serviceaccount/..2024_01/token":        "service_account_token",
		"/var/run/secrets/eks.amazonaws.com/serviceaccount/token":          "cloud_credentials service_account_token",
		"/run/secrets/database-password":                                   "",
		"/var/lib/kubelet/pods/9c/volumes/kubernetes.io~projected/a/token": "service_account_token volume",
		"/var/lib/kubelet/pods/9c/volumes/kubernetes.io~empty-dir/a/file":  "volume",
		"/var/lib/kubelet/pods/9c/etc-hosts":                               "volume",
		// shells
		"/root/.bash_history":      "history root_home",
		"/home/bob/.zsh_history":   "history",
		"/home/bob/.psql_history":  "history",
		"/root/.bashrc":            "shell_rc root_home persistence",
		"/home/bob/.profile":       "shell_rc persistence",
		"/etc/profile":             "shell_rc etc persistence",
		"/etc/profile.d/x.sh":      "shell_rc etc persistence",
		"/etc/profiles":            "etc",
		"/root/notes":              "root_home",
		"/rooted":                  "",
		"/home/bob/bashrc":         "",
		"/home/bob/.bashrc.backup": "",
		// programs
		"/bin/sh":                      "binary",
		"/usr/bin/curl":                "binary",
		"/usr/local/sbin/x":            "binary",
		"/usr/lib/x86_64-linux-gnu/so": "binary",
		"/opt/vendor/bin/agent":        "binary",
		"/opt/cni/bin/bridge":          "binary persistence",
		"/usr/share/doc/bash/README":   "",
		"/usr/share/doc":               "",
		"/usr":                         "",
		"/usr/binary":                  "",
		"/usr/src/x.c":                 "",
		"/tmp/x":                       "",
		"/home/bob/bin/x":              "",
		"/home/bob/usr/bin/x":          "",
		"/dev/shm/x":                   "",
		// persistence
		"/etc/cron.d/job":                          "etc persistence",
		"/etc/crontab":                             "etc persistence",
		"/var/spool/cron/crontabs/root":            "persistence",
		"/var/spool/mail/root":                     "",
		"/etc/systemd/system/x.service":            "etc persistence",
		"/usr/lib/systemd/system/x.service":        "binary persistence",
		"/usr/lib/systemd/systemd-logind":          "binary",
		"/home/bob/.config/systemd/user/x.service": "persistence",
		"/home/bob/.config/autostart/x.desktop":    "persistence",
		"/etc/init.d/ssh":                          "etc persistence",
		"/etc/rc.local":                            "etc persistence",
		"/etc/ld.so.preload":                       "etc persistence",
		"/etc/ld.so.cache":                         "etc",
		"/etc/pam.d/sshd":                          "etc persistence",
		"/lib/x86_64-linux-gnu/security/pam_x.so":  "binary persistence",
		"/lib/modules/6.1.0/x.ko":                  "binary persistence",
		"/usr/lib/python3/dist-packages/x.py":      "binary",
		"/lib/systemd/security/x":                  "binary persistence",
		"/etc/udev/rules.d/99-x.rules":             "etc persistence",
		"/etc/update-motd.d/00-header":             "etc persistence",
		"/etc/kubernetes/manifests/x.yaml":         "etc persistence",
		"/boot/grub/grub.cfg":                      "persistence",
		// packages
		"/var/lib/dpkg/status":          "package_db",
		"/var/lib/rpm/rpmdb.sqlite":     "package_db",
		"/lib/apk/db/installed":         "binary package_db",
		"/etc/apt/sources.list":         "etc package_db",
		"/etc/apt/apt.conf.d/99hook":    "etc persistence package_db",
		"/var/lib/postgresql/data/base": "",
		// kernel
		"/proc/sys/net/ipv4/ip_forward":           "proc_sys",
		"/proc/sys/kernel/core_pattern":           "proc_sys escape",
		"/proc/sys/kernel/modprobe":               "proc_sys escape",
		"/sbin/modprobe":                          "binary",
		"/proc/sysrq-trigger":                     "escape",
		"/proc/meminfo":                           "",
		"/proc/1/root/etc/passwd":                 "escape",
		"/proc/12/root/etc/passwd":                "",
		"/proc/self/status":                       "",
		"/sys/fs/cgroup/rdma/release_agent":       "escape",
		"/tmp/cgrp/x/notify_on_release":           "escape",
		"/sys/fs/cgroup/memory.max":               "",
		"/sys/kernel/uevent_helper":               "escape",
		"/sys/kernel/debug/tracing/trace":         "escape",
		"/sys/kernel/mm/transparent_hugepage/x":   "",
		"/proc/sys/fs/binfmt_misc/register":       "proc_sys escape",
		"/sys/fs/cgroup/devices/a/devices.allow":  "escape",
		"/dev/mem":                                "escape",
		"/dev/null":                               "",
		"/var/log/auth.log":                       "log",
		"/var/log/pods/x/0.log":                   "log",
		"/var/run/utmp":                           "log",
		"/var/logs/x":                             "",
		"/run/docker.sock":                        "runtime_socket",
		"/var/run/docker.sock":                    "runtime_socket",
		"/run/containerd/containerd.sock":         "runtime_socket volume",
		"/host/run/containerd/containerd.sock":    "runtime_socket",
		"/run/crio/crio.sock":                     "runtime_socket volume",
		"/run/user/1000/podman/podman.sock":       "runtime_socket",
		"/run/nginx.sock":                         "",
		"/var/lib/containerd/io.containerd.x/fs":  "volume",
		"/var/lib/docker/overlay2/x/merged":       "volume",
		"/var/lib/docker/containers/x/x-json.log": "log volume",
		"/run/user/1000/containers/auth.json":     "credentials volume",
		"/var/lib/mysql/ibdata1":                  "",
		"/data":                                   "",
	} {
		assert.Equal(t, want, namesOf(PathClassNames(), tables.MatchPath(path)), path)
	}
}

func TestDefaultPortsAndNetworks(t *testing.T) {
	tables := defaultTables(t)
	for port, want := range map[uint16]string{
		10250: "kubelet", 10255: "kubelet", 2379: "etcd", 2380: "etcd", 6443: "api_server", 2375: "runtime",
		2376: "runtime", 3333: "miner", 14444: "miner", 22: "ssh", 53: "dns",
		80: "", 443: "", 3306: "", 5432: "", 6379: "", 8000: "", 8080: "", 8443: "", 8888: "", 9000: "", 9090: "", 0: "",
	} {
		assert.Equal(t, want, namesOf(PortClassNames(), tables.MatchPort(port)), port)
	}
	for addr, want := range map[string]string{
		"127.0.0.1": "loopback", "127.9.9.9": "loopback", "0.0.0.0": "loopback", "::1": "loopback", "::": "loopback",
		"::ffff:127.0.0.1": "loopback",
		"10.1.2.3":         "private", "172.16.0.1": "private", "172.32.0.1": "", "192.168.1.1": "private", "100.64.0.1": "private",
		"fd12::1": "private", "169.254.1.1": "link_local", "fe80::1": "link_local", "fe80::1%eth0": "link_local",
		"169.254.169.254": "link_local metadata", "169.254.170.2": "link_local metadata",
		"169.254.169.253": "link_local", "fd00:ec2::254": "private metadata",
		"100.100.100.200": "private metadata", "168.63.129.16": "metadata",
		"224.0.0.1": "multicast", "ff02::1": "multicast", "255.255.255.255": "private multicast",
		"8.8.8.8": "", "2001:4860:4860::8888": "", "0.0.0.1": "",
	} {
		assert.Equal(t, want, namesOf(NetworkClassNames(), tables.MatchAddr(netip.MustParseAddr(addr))), addr)
	}
}

func TestBitsHaveTheNamesOfTheirClasses(t *testing.T) {
	assert.Equal(t, "shell", ExecutableShell.String())
	assert.Equal(t, "ssh_client", ExecutableSSHClient.String())
	assert.Len(t, ExecutableClassNames(), int(ExecutableSSHClient)+1)
	assert.Equal(t, "volume", PathVolume.String())
	assert.Len(t, PathClassNames(), int(PathVolume)+1)
	assert.Equal(t, "dns", PortDNS.String())
	assert.Len(t, PortClassNames(), int(PortDNS)+1)
	assert.Equal(t, "api_server", NetworkAPIServer.String())
	assert.Len(t, NetworkClassNames(), int(NetworkAPIServer)+1)
	for _, names := range [][]string{ExecutableClassNames(), PathClassNames(), PortClassNames(), NetworkClassNames()} {
		assert.NotContains(t, names, "")
	}
	assert.Equal(t, uint64(1<<19), ExecutableSSHClient.Bit())
	assert.Equal(t, uint64(1<<17), PathVolume.Bit())
	assert.Equal(t, uint32(1<<6), PortDNS.Bit())
	assert.Equal(t, uint32(1<<5), NetworkAPIServer.Bit())
}

func TestMatchPathDoesNotAllocate(t *testing.T) {
	tables := defaultTables(t)
	assert.Zero(t, testing.AllocsPerRun(100, func() { tables.MatchPath("/home/bob/.ssh/id_ed25519") }))
}
