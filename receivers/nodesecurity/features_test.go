// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/nodesec/nodesec/internal/zeros"
	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/posture"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

func testCatalogue(t testing.TB) catalogue {
	c, err := readCatalogue()
	require.NoError(t, err)
	return c
}

// countNames are the names of enum count in the committed object, by number.
func countNames(t *testing.T) map[int]string {
	object := map[string]string{"amd64": "x86", "arm64": "arm64"}[runtime.GOARCH]
	spec, err := ebpf.LoadCollectionSpec("internal/probe/bpf_" + object + "_bpfel.o")
	require.NoError(t, err)
	var count *btf.Enum
	require.NoError(t, spec.Types.TypeByName("count", &count))
	byNumber := map[int]string{}
	for _, v := range count.Values {
		if !strings.HasSuffix(v.Name, "_LAST") {
			byNumber[int(v.Value)] = strings.ToLower(strings.TrimPrefix(v.Name, "COUNT_"))
		}
	}
	return byNumber
}

// ranges are the metrics whose values are counters in a row, with the prefix that the kernel's names have.
func ranges() map[string]struct {
	first  probe.Count
	prefix string
} {
	type r = struct {
		first  probe.Count
		prefix string
	}
	return map[string]r{
		"nodesec.call": {probe.CountPtraceAttach, ""}, "nodesec.exec": {probe.CountExecRoot, "exec_"},
		"nodesec.file": {probe.CountOpen, ""}, "nodesec.kernel": {probe.CountModuleLoaded, ""},
		"nodesec.network": {probe.CountConnect, ""}, "nodesec.privilege": {probe.CountRootGained, ""},
		"nodesec.task": {probe.CountFork, ""},
	}
}

// TestValuesOfAttributesAreInTheOrderOfTheCounters compares the names that metadata.yaml gives with those of the C code.
func TestValuesOfAttributesAreInTheOrderOfTheCounters(t *testing.T) {
	names, known := countNames(t), testCatalogue(t)
	for name, r := range ranges() {
		m := known.find(name)
		require.NotNil(t, m, name)
		calls := numbersOf(m.values)
		for i, value := range m.values {
			if len(calls[i]) > 0 && name != "nodesec.kernel" {
				continue // counted as the system call it is
			}
			number := int(r.first) + i
			switch {
			case name == "nodesec.exec" && number >= int(probe.CountExecClass):
				assert.Equal(t, classes.ExecutableClassNames()[number-int(probe.CountExecClass)], value)
			case name == "nodesec.network" && number >= int(probe.CountConnectPortClass) && number < int(probe.CountAccept):
				class := classes.PortClassNames()[number-int(probe.CountConnectPortClass)]
				assert.Equal(t, "connect_"+class, strings.TrimSuffix(value, "_port"))
			case name == "nodesec.network" && number >= int(probe.CountConnectNetClass) && number < int(probe.CountAccept):
				assert.Equal(t, "connect_"+classes.NetworkClassNames()[number-int(probe.CountConnectNetClass)], value)
			default:
				assert.Equal(t, names[number], r.prefix+value, "%s: value %d", name, i)
			}
		}
	}
	for i, value := range known.find("nodesec.file.write").values {
		assert.Equal(t, classes.PathClassNames()[i], value)
	}
}

func TestEveryMetricIsWritten(t *testing.T) {
	written := map[string]bool{
		"nodesec.distinct": true, "nodesec.syscall.entropy": true, "nodesec.syscall.calls": true, "nodesec.posture.containers": true,
		zeros.Metric: true,
	}
	for _, f := range featureList() {
		written[f.metric] = true
	}
	for _, d := range posture.Catalogue() {
		written[d.Name] = true
	}
	for _, m := range testCatalogue(t) {
		if !strings.HasPrefix(m.name, "nodesec.quality.") {
			assert.True(t, written[m.name], m.name)
		}
	}
}

func TestTheNodeCountsItsContainersByTheirPosture(t *testing.T) {
	e := newEmitter(writeZeros(), testCatalogue(t), "1", 0)
	fact := func(name string, value int64) posture.Fact {
		return posture.Fact{Metric: posture.Property, Name: name, Value: value}
	}
	entities := map[*cgroup.Container]*entity{
		{Identity: cgroup.Identity{ContainerID: id("1")}}: {facts: []posture.Fact{fact("privileged", 1), fact("root", 1)}},
		{Identity: cgroup.Identity{ContainerID: id("2")}}: {facts: []posture.Fact{fact("privileged", 0), fact("root", 1)}},
		{Identity: cgroup.Identity{Name: "sshd.service"}}: {facts: []posture.Fact{fact("root", 1)}},
		{Identity: cgroup.Identity{ContainerID: id("3")}}: {byNews: true},
	}
	e.begin(time.Unix(1, 0))
	w := e.sample(pcommon.NewResource(), time.Unix(0, 0), &totals{})
	w.containers(entities)
	counted := map[string]int64{}
	for _, p := range w.metrics.At(0).Gauge().DataPoints().All() {
		kind, _ := p.Attributes().Get("nodesec.posture.containers.kind")
		counted[kind.Str()] = p.IntValue()
	}
	assert.Equal(t, map[string]int64{"all": 2, "privileged": 1, "host_network": 0, "root": 2}, counted)
}

func TestMetadataSaysOfPostureWhatIsReadOfIt(t *testing.T) {
	known := testCatalogue(t)
	for _, d := range posture.Catalogue() {
		m := known.find(d.Name)
		if !assert.NotNil(t, m, d.Name) {
			continue
		}
		assert.Equal(t, d.Attribute, m.attribute)
		assert.Equal(t, d.Unit, m.unit, d.Name)
		assert.Equal(t, d.Text, m.description)
		var values []string
		for _, v := range d.Values {
			values = append(values, v.Name)
		}
		assert.Equal(t, values, m.values)
	}
}

func TestEverySystemCallHasAFamilyOfThisMachine(t *testing.T) {
	numbers := callNumbers()
	for family, names := range families() {
		known := 0
		for name := range strings.FieldsSeq(names) {
			if _, ok := numbers[name]; ok {
				known++
			}
		}
		assert.NotZero(t, known, family)
	}
	f := newFeatures(testCatalogue(t))
	place := func(family string) uint8 {
		return uint8(slices.Index(testCatalogue(t).find("nodesec.syscall").values, family))
	}
	assert.Equal(t, place("file"), f.family[numbers["openat"]])
	assert.Equal(t, place("network"), f.family[numbers["connect"]])
	assert.Equal(t, place("namespace"), f.family[numbers["setns"]])
	assert.Equal(t, place("other"), f.family[probe.Syscalls-1])
}

func TestEntropyOfTheHistogram(t *testing.T) {
	var c probe.Counters
	assert.Zero(t, entropy(&c))
	c.Syscalls[3] = 10
	assert.Zero(t, entropy(&c), "always the same")
	for i := range 8 {
		c.Syscalls[i] = 10
	}
	assert.InDelta(t, 3, entropy(&c), 1e-12, "one of eight")
	c = probe.Counters{}
	c.Syscalls[0], c.Syscalls[1] = 3, 1
	assert.InDelta(t, -(0.75*math.Log2(0.75) + 0.25*math.Log2(0.25)), entropy(&c), 1e-12)
}

func TestTheMostFrequentSystemCallsComeFirst(t *testing.T) {
	var c probe.Counters
	c.Syscalls[0], c.Syscalls[1], c.Syscalls[3] = 5, 7, 6
	assert.Equal(t, []int{1, 3}, frequent(&c, 2))
	assert.Equal(t, []int{1, 3, 0}, frequent(&c, 20))
}
