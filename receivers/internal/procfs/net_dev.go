// SPDX-License-Identifier: Apache-2.0

package procfs

import "bytes"

// NetDev is /proc/net/dev or /proc/[pid]/net/dev: the interfaces of a network namespace (kernel net/core/net-procfs.c,
// dev_seq_printf_stats; proc_pid_net(5)).
type NetDev struct {
	// Interfaces are in the order in which they were registered.
	Interfaces []NetInterface
}

// NetInterface is one line of the file. Counters run since the interface was added. The kernel adds missed packets to
// Receive.Dropped, and length, overrun, CRC and frame errors are parts of Errors.
type NetInterface struct {
	// Name of the interface; it shares memory with the data parsed.
	Name              []byte
	Receive, Transmit NetTraffic
}

// NetTraffic is what passed an interface in one direction.
type NetTraffic struct{ Bytes, Packets, Errors, Dropped uint64 }

// Parse parses the file. Interfaces are valid until the next call.
func (n *NetDev) Parse(data []byte) error {
	n.Interfaces = n.Interfaces[:0]
	_, data = NextLine(data)
	_, data = NextLine(data) // two lines of headings
	for len(data) > 0 {
		var line []byte
		line, data = NextLine(data)
		var i NetInterface
		if err := i.parse(line); err != nil {
			return err
		}
		n.Interfaces = append(n.Interfaces, i)
	}
	return nil
}

func (i *NetInterface) parse(line []byte) error {
	name, rest, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return malformed(line)
	}
	i.Name, _ = NextField(name)
	var fifo, frame, compressed, multicast uint64
	r, t := &i.Receive, &i.Transmit
	_, err := nextUints(rest, line, &r.Bytes, &r.Packets, &r.Errors, &r.Dropped, &fifo, &frame, &compressed, &multicast,
		&t.Bytes, &t.Packets, &t.Errors, &t.Dropped)
	return err
}

// IsLoopback reports whether the interface is the loopback interface. Every network namespace has one, called lo.
func (i *NetInterface) IsLoopback() bool { return string(i.Name) == "lo" }
