// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"errors"
	"net/netip"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/internal/host"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

var errNoCgroups = errors.New("load the BPF programs: they count by cgroup, and there are none")

// loadProbe loads the BPF programs for this host.
func loadProbe(cfg *Config, hierarchy *cgroup.Hierarchy, tree *cgroup.Tree) (*probe.Probe, error) {
	if hierarchy == nil {
		return nil, errNoCgroups
	}
	tables, err := classes.Compile(withAPIServer(cfg.Classes))
	if err != nil {
		return nil, err
	}
	newest := uint64(0)
	tree.Owners(func(inode uint64, _ *cgroup.Container) { newest = max(newest, inode) })
	return probe.Load(probe.Options{
		Controller:   hierarchy.Controller(),
		NewestCgroup: newest,
		MaxCgroups:   cfg.BPF.MaxCgroups,
		CPUs:         runtime.NumCPU(),
		HostDevice:   rootDevice(cfg.root()),
		WallOffset:   time.Now().UnixNano() - int64(host.SinceBoot()),
		Tables:       &tables,
	})
}

// withAPIServer adds the address of the Kubernetes API server, which pods find in their environment.
func withAPIServer(c classes.Config) classes.Config {
	address, err := netip.ParseAddr(os.Getenv("KUBERNETES_SERVICE_HOST"))
	if err != nil {
		return c
	}
	return c.WithNetworks(classes.NetworkAPIServer, netip.PrefixFrom(address, address.BitLen()))
}

// rootDevice is the kernel's number of the device of the root file system; 0, which is none, if that is not known.
func rootDevice(root string) uint32 {
	var st unix.Stat_t
	if err := unix.Stat(root, &st); err != nil {
		return 0
	}
	return unix.Major(st.Dev)<<20 | unix.Minor(st.Dev) // MKDEV, include/linux/kdev_t.h
}
