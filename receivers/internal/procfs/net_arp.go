// SPDX-License-Identifier: Apache-2.0

package procfs

import "bytes"

// ARPEntries counts the entries in lines of /proc/net/arp, its heading excepted (kernel net/ipv4/arp.c, arp_seq_show;
// proc_pid_net(5)). Entries whose address is not (or no longer) known count too, those that need no ARP do not appear.
func ARPEntries(lines []byte) (entries int) {
	entries = bytes.Count(lines, []byte("\n"))
	if bytes.HasPrefix(lines, []byte("IP address")) {
		entries--
	}
	return entries
}
