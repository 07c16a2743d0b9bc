// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/nodesec/nodesec/internal/feature"
)

// behaviour says how the values of a feature come about.
type behaviour uint8

const (
	zero  behaviour = iota // something rare: 0, and once in some thousand ticks a small number
	slow                   // something that happens now and then, at a rate that differs by container
	level                  // a whole number that seldom changes by one
	age                    // time since the start of the container
	walk                   // a random walk whose scale differs by container and whose step is a share of the scale
)

// instrument is what a metric says of its points.
type instrument uint8

const (
	gauge instrument = iota
	delta            // sum of the last tick
	total            // sum since the start of the container
)

// quantum is the resolution of a source. Parts of the unit make double points, multiples make integer points, as
// receivers send them; the other field is zero.
type quantum struct{ multiple, parts int64 }

// metric is a row of the catalogue. It has one feature for each attribute value, or one if it has no attribute.
type metric struct {
	name, unit string
	instrument instrument
	attribute  string // key of the data points' only attribute; empty for none
	values     string // the values of the attribute, separated by spaces
	behaviour  behaviour
	// scale is the middle of the range over all containers, in quanta.
	scale float64
	// quantum is the resolution of the source: memory comes in pages, CPU time in microseconds.
	quantum quantum
}

// The one metric that only containers with a memory limit have.
const limitedMetric = "container.memory.available"

// catalogue is what is known of each container: 60 features, of which 18 (30 %) are random walks.
func catalogue() []metric {
	one, page := quantum{multiple: 1}, quantum{multiple: 4096}
	milli, micro := quantum{parts: 1e3}, quantum{parts: 1e6}
	const direction = "network.io.direction"
	return []metric{
		{"container.cpu.time", "s", delta, "cpu.mode", "user system", walk, 120_000, micro},
		{"nodesec.run_queue.delay", "s", delta, "", "", walk, 15_000, micro},
		{"container.network.io", "By", delta, direction, "receive transmit", walk, 40_000, one},
		{"nodesec.network.packets", "{packet}", delta, direction, "receive transmit", walk, 250, one},
		{"nodesec.context_switches", "{switch}", delta, "process.context_switch.type", "voluntary involuntary",
			walk, 900, one},
		{"nodesec.tcp.segments", "{segment}", delta, direction, "receive", walk, 200, one},
		{"nodesec.syscalls", "{syscall}", delta, "", "", walk, 25_000, one},
		{"container.disk.io", "By", delta, "disk.io.direction", "write", walk, 60, page},
		{"container.memory.paging.faults", "{fault}", delta, "system.paging.fault.type", "minor", walk, 400, one},
		{"container.memory.usage", "By", gauge, "", "", walk, 30_000, page},
		{"container.memory.working_set", "By", gauge, "", "", walk, 25_000, page},
		{"container.memory.rss", "By", gauge, "", "", walk, 18_000, page},
		{limitedMetric, "By", gauge, "", "", walk, 60_000, page},
		{"nodesec.memory.file", "By", gauge, "", "", walk, 9_000, page},

		{"nodesec.pressure.stall_time", "s", delta, "nodesec.pressure.resource", "cpu memory io", slow, 900, micro},
		{"nodesec.io.operations", "{operation}", delta, "disk.io.direction", "read write", slow, 20, one},
		{"nodesec.tcp.active_opens", "{event}", delta, "", "", slow, 2, one},
		{"nodesec.exec", "{process}", delta, "nodesec.exec.result", "ok failed", slow, 1, one},
		{"nodesec.process.events", "{process}", delta, "nodesec.process.event", "fork exit", slow, 1, one},
		{"nodesec.file.changes", "{file}", delta, "nodesec.file.change", "create unlink rename", slow, 1, one},
		{"nodesec.connects", "{connection}", delta, "nodesec.destination", "private external", slow, 1, one},
		{"nodesec.memory.events", "{event}", total, "nodesec.memory.event", "high max", slow, 1, one},
		{"nodesec.cpu.throttled.periods", "{period}", total, "", "", slow, 1, one},
		{"nodesec.processes.count", "{process}", gauge, "", "", level, 4, one},
		{"nodesec.threads.count", "{thread}", gauge, "", "", level, 20, one},
		{"nodesec.file_descriptors.open", "{file_descriptor}", gauge, "", "", level, 60, one},
		{"nodesec.sockets.count", "{socket}", gauge, "nodesec.socket.kind", "tcp udp unix", level, 8, one},
		{"container.uptime", "s", gauge, "", "", age, 1, milli},

		{"nodesec.memory.oom_kills", "{process}", total, "", "", zero, 1, one},
		{"nodesec.network.errors", "{error}", delta, direction, "receive transmit", zero, 1, one},
		{"nodesec.exec.class", "{process}", delta, "nodesec.class",
			"shell interpreter download miner package_manager setuid", zero, 1, one},
		{"nodesec.file.sensitive", "{file}", delta, "nodesec.file.operation", "read write", zero, 1, one},
		{"nodesec.syscalls.class", "{syscall}", delta, "nodesec.class", "ptrace mount setns bpf", zero, 1, one},
		{"nodesec.processes.blocked", "{task}", gauge, "", "", zero, 1, one},
		{"nodesec.quality.lost", "{event}", delta, "", "", zero, 1, one},
	}
}

// Feature tells how both layouts of the store know one feature.
type Feature struct {
	Name      string // the column of the wide table
	Metric    string
	Attribute string // key and value of the data points' only attribute; empty for none
	Value     string
	Gauge     bool // else a sum
}

// Features returns all features, in the order in which the generator sends them.
func Features() []Feature {
	var features []Feature
	for _, m := range catalogue() {
		for _, value := range m.points() {
			attributes := pcommon.NewMap()
			if m.attribute != "" {
				attributes.PutStr(m.attribute, value)
			}
			features = append(features, Feature{
				Name: feature.Name(m.name, attributes), Metric: m.name,
				Attribute: m.attribute, Value: value, Gauge: m.instrument == gauge,
			})
		}
	}
	return features
}

// Selection returns every sixth feature, ten of them: walks have the same share in it as in the whole.
func Selection() []Feature {
	var out []Feature
	for i, f := range Features() {
		if i%6 == 0 {
			out = append(out, f)
		}
	}
	return out
}

// points returns the attribute values of the metric's points: a single empty one if it has no attribute.
func (m *metric) points() []string {
	if m.attribute == "" {
		return []string{""}
	}
	return strings.Fields(m.values)
}
