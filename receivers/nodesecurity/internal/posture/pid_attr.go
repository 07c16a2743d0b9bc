// SPDX-License-Identifier: Apache-2.0

package posture

import "bytes"

// unconfined reads /proc/[pid]/attr/current, the security context of a process, and reports whether it is one that
// confines nothing. It is not known for what neither AppArmor nor SELinux wrote.
//
// AppArmor writes "unconfined" or "profile (mode)" (kernel security/apparmor/procattr.c, aa_getprocattr). Of its modes,
// complain only logs and unconfined only names; enforce, kill, prompt and a stack of several (mixed) confine.
//
// SELinux writes "user:role:type:level" with a NUL (security/selinux/hooks.c, selinux_lsm_getattr). Which types confine
// nothing is a matter of policy; these are those of the reference policy and of container-selinux: spc_t is what
// privileged containers and those with host namespaces get.
func unconfined(attr []byte) (is, known bool) {
	attr = bytes.TrimRight(attr, "\x00\n")
	if string(attr) == "unconfined" {
		return true, true
	}
	if i := bytes.LastIndex(attr, []byte(" (")); i >= 0 && bytes.HasSuffix(attr, []byte(")")) {
		mode := string(attr[i+len(" (") : len(attr)-1])
		return mode == "complain" || mode == "unconfined", true
	}
	_, rest, ok1 := bytes.Cut(attr, []byte(":"))
	_, rest, ok2 := bytes.Cut(rest, []byte(":"))
	if !ok1 || !ok2 || len(rest) == 0 || bytes.ContainsAny(attr, " /") {
		return false, false
	}
	kind, _, _ := bytes.Cut(rest, []byte(":"))
	switch string(kind) {
	case "unconfined_t", "unconfined_service_t", "spc_t", "kernel_t", "init_t", "initrc_t", "container_runtime_t":
		return true, true
	}
	return false, true
}
