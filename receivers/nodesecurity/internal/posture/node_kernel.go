// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"bytes"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// readKernel reads what the kernel says of itself.
func (r *Reader) readKernel(n *node) {
	r.readLockdown(n)
	r.readSecureBoot(n)
	r.readLSMs(n)
	if mask, err := r.number("/proc/sys/kernel/tainted"); err != nil {
		n.fail(err)
	} else {
		n.add(Taint, "", mask)
		for _, t := range r.taints {
			n.add(TaintFlag, t.name, mask>>t.bit&1)
		}
	}
	r.readCPUVulnerabilities(n)
}

func (r *Reader) readLockdown(n *node) {
	path := r.root + "/sys/kernel/security/lockdown"
	data, err := r.kernel.ReadFile(path)
	if err != nil {
		n.fail(err)
		return
	}
	mode, ok := parseLockdown(data)
	if !ok {
		n.fail(fmt.Errorf("parse %s: %w", path, procfs.ErrFormat))
		return
	}
	n.add(Lockdown, "", mode)
}

// parseLockdown parses "none [integrity] confidentiality", the mode in brackets (kernel security/lockdown/lockdown.c,
// lockdown_read).
func parseLockdown(data []byte) (mode int64, ok bool) {
	for i, name := range [...]string{"[none]", "[integrity]", "[confidentiality]"} {
		if bytes.Contains(data, []byte(name)) {
			return int64(i), true
		}
	}
	return 0, false
}

// readSecureBoot reads the variable of the firmware once: it is made at boot, and reading it calls the firmware.
func (r *Reader) readSecureBoot(n *node) {
	// 8be4df61-... is EFI_GLOBAL_VARIABLE of the UEFI specification.
	const path = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	if r.secureBoot == nil {
		data, err := r.kernel.ReadFile(r.root + path)
		if err != nil {
			n.fail(err)
			return
		}
		if len(data) != 5 { // 4 bytes of attributes, then the value (kernel fs/efivarfs/file.c)
			n.fail(fmt.Errorf("parse %s: %w", r.root+path, procfs.ErrFormat))
			return
		}
		on := flag(data[4] == 1)
		r.secureBoot = &on
	}
	n.add(SecureBoot, "", *r.secureBoot)
}

// readLSMs reads the list of active modules, separated by commas (kernel security/inode.c, lsm_read).
func (r *Reader) readLSMs(n *node) {
	data, err := r.kernel.ReadFile(r.root + "/sys/kernel/security/lsm")
	if err != nil {
		n.fail(err)
	} else {
		active := append(append([]byte{','}, bytes.TrimSpace(data)...), ',')
		for _, lsm := range lsmNames() {
			if lsm.Name != selinuxEnforcing {
				n.add(LSM, lsm.Name, flag(bytes.Contains(active, []byte(","+lsm.Name+","))))
			}
		}
	}
	enforcing, err := r.number("/sys/fs/selinux/enforce")
	if err != nil {
		n.fail(err)
		return
	}
	n.add(LSM, selinuxEnforcing, enforcing)
}

func (r *Reader) readCPUVulnerabilities(n *node) {
	path := r.root + "/sys/devices/system/cpu/vulnerabilities"
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		n.fail(&fs.PathError{Op: "open", Path: path, Err: err})
		return
	}
	defer func() { _ = unix.Close(fd) }()
	vulnerable := int64(0)
	err = r.tree.each(fd, func(e entry) error {
		if e.kind != unix.DT_REG {
			return nil
		}
		data, err := r.kernel.ReadFile(path + "/" + string(e.name))
		if err == nil {
			vulnerable += flag(isVulnerable(data))
		}
		return err
	})
	if err != nil {
		n.fail(fmt.Errorf("read %s: %w", path, err))
		return
	}
	n.add(CPUVulnerabilities, "", vulnerable)
}

// isVulnerable reads a file of /sys/devices/system/cpu/vulnerabilities (kernel arch/x86/kernel/cpu/bugs.c,
// cpu_show_common; Documentation/ABI/testing/sysfs-devices-system-cpu): "Vulnerable: ...", "Mitigation: ...",
// "Not affected" or "Unknown: ...", after the name of a part in front of it, such as "KVM: " or "BHI: ". "SMT vulnerable"
// in lower case is a remark on a mitigation.
func isVulnerable(data []byte) bool {
	return bytes.HasPrefix(data, []byte("Vulnerable")) || bytes.Contains(data, []byte(": Vulnerable")) ||
		bytes.HasPrefix(data, []byte("Processor vulnerable"))
}
