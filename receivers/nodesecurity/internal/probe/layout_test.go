// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
)

// onEachObject runs the test with both objects that are committed, whatever machine this is.
func onEachObject(t *testing.T, test func(t *testing.T, spec *ebpf.CollectionSpec)) {
	t.Helper()
	for _, arch := range []string{"x86", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			spec, err := ebpf.LoadCollectionSpec("bpf_" + arch + "_bpfel.o")
			require.NoError(t, err)
			test(t, spec)
		})
	}
}

func TestStructuresAreLaidOutAsInTheObjects(t *testing.T) {
	onEachObject(t, func(t *testing.T, spec *ebpf.CollectionSpec) {
		for name, layout := range map[string]any{
			"event": bpfEvent{}, "cgroup_made": bpfCgroupMade{}, "cgroup_news": bpfCgroupNews{}, "slot": bpfSlot{},
			"counters": bpfCounters{}, "distinct": bpfDistinct{}, "tick": bpfTick{}, "call": bpfCall{},
			"path_key": bpfPathKey{}, "path_value": bpfPathValue{}, "network_key": bpfNetworkKey{}, "file_id": bpfFileId{},
			"exe_name": bpfExeName{}, "name": bpfName{}, "privileges": bpfPrivileges{},
		} {
			compareLayout(t, spec, name, reflect.TypeOf(layout))
		}
		compareLayout(t, spec, "path_key", reflect.TypeFor[classes.PathKey]())
		compareLayout(t, spec, "path_value", reflect.TypeFor[classes.PathNode]())
		compareSize(t, spec, "exe_name", reflect.TypeFor[classes.ExecutableName]())
		compareSize(t, spec, "name", reflect.TypeFor[classes.Component]())
	})
}

func structOf(t *testing.T, spec *ebpf.CollectionSpec, name string) *btf.Struct {
	t.Helper()
	var s *btf.Struct
	require.NoError(t, spec.Types.TypeByName(name, &s), name)
	return s
}

func compareSize(t *testing.T, spec *ebpf.CollectionSpec, name string, layout reflect.Type) {
	t.Helper()
	assert.Equal(t, int(layout.Size()), int(structOf(t, spec, name).Size), name)
}

// compareLayout compares the fields of a Go struct, but for blank ones, with the members of one in the object.
func compareLayout(t *testing.T, spec *ebpf.CollectionSpec, name string, layout reflect.Type) {
	t.Helper()
	compareSize(t, spec, name, layout)
	type member struct {
		name         string
		offset, size int
	}
	var want, got []member
	for _, m := range structOf(t, spec, name).Members {
		size, err := btf.Sizeof(m.Type)
		require.NoError(t, err)
		want = append(want, member{strings.ReplaceAll(m.Name, "_", ""), int(m.Offset.Bytes()), size})
	}
	for field := range layout.Fields() {
		if field.Name != "_" {
			got = append(got, member{strings.ToLower(field.Name), int(field.Offset), int(field.Type.Size())})
		}
	}
	assert.Equal(t, want, got, name)
}

func TestShardsShareNoCacheLine(t *testing.T) {
	assert.Zero(t, reflect.TypeFor[bpfCounters]().Size()%64)
}

func TestClassesHaveTheSameNumbersInTheObjects(t *testing.T) {
	onEachObject(t, func(t *testing.T, spec *ebpf.CollectionSpec) {
		for _, tt := range []struct {
			enum, prefix string
			names        []string
		}{
			{"exe_class", "EXE_", classes.ExecutableClassNames()},
			{"path_class", "PATH_", classes.PathClassNames()},
			{"port_class", "PORT_", classes.PortClassNames()},
			{"net_class", "NET_", classes.NetworkClassNames()},
		} {
			for name, number := range enumOf(t, spec, tt.enum) {
				class := strings.ToLower(strings.TrimPrefix(name, tt.prefix))
				if class == "classes" {
					assert.Len(t, tt.names, int(number), tt.enum)
					continue
				}
				assert.Equal(t, slices.Index(tt.names, class), int(number), name)
			}
		}
	})
}

func enumOf(t *testing.T, spec *ebpf.CollectionSpec, name string) map[string]uint64 {
	t.Helper()
	var enum *btf.Enum
	require.NoError(t, spec.Types.TypeByName(name, &enum), name)
	values := map[string]uint64{}
	for _, v := range enum.Values {
		values[v.Name] = v.Value
	}
	return values
}

// Those of a class each have one counter.
func TestCountersOfClassesHaveRoomForAllClasses(t *testing.T) {
	onEachObject(t, func(t *testing.T, spec *ebpf.CollectionSpec) {
		counts := enumOf(t, spec, "count")
		for first, classes := range map[string][]string{
			"COUNT_EXEC_CLASS": classes.ExecutableClassNames(), "COUNT_READ": classes.PathClassNames(),
			"COUNT_WRITE": classes.PathClassNames(), "COUNT_REMOVE": classes.PathClassNames(),
			"COUNT_CONNECT_NET": classes.NetworkClassNames(), "COUNT_CONNECT_PORT": classes.PortClassNames(),
		} {
			assert.Equal(t, len(classes), int(counts[first+"_LAST"]-counts[first])+1, first)
		}
		assert.Len(t, Counters{}.Counts, int(counts["COUNTS"]))
	})
}

func TestNoArgumentIsTheSameInCAndGo(t *testing.T) {
	header, err := os.ReadFile("bpf/shared.h")
	require.NoError(t, err)
	assert.Contains(t, string(header), "#define NO_ARGUMENT 0xff\n")
	assert.Equal(t, 0xff, none)
}

func TestEveryProgramIsListedAndEveryActionHasOne(t *testing.T) {
	onEachObject(t, func(t *testing.T, spec *ebpf.CollectionSpec) {
		handled := map[uint64]bool{0: true}
		listed := map[string]bool{}
		for _, p := range programs() {
			assert.Contains(t, spec.Programs, p.name)
			handled[uint64(p.action)] = true
			listed[p.name] = true
		}
		for name := range spec.Programs {
			assert.True(t, listed[name], name)
		}
		inline := []string{"ACTION_MMAP", "ACTION_MPROTECT", "ACTIONS"} // on_sys_exit does these itself
		for name, number := range enumOf(t, spec, "action") {
			assert.NotEqual(t, slices.Contains(inline, name), handled[number], name)
		}
	})
}

func TestEveryActionIsOfACallThatExists(t *testing.T) {
	names := syscallNames()
	assert.LessOrEqual(t, len(names), Syscalls-1)
	found := 0
	for name := range actions() {
		if slices.Contains(names, name) {
			found++
		}
	}
	set := 0
	for _, call := range callTable() {
		if call.Action != 0 {
			set++
		}
	}
	assert.Equal(t, found, set)
	assert.Greater(t, set, len(actions())/2)
	assert.Empty(t, SyscallName(Syscalls-1))
}

func TestNamesOfProgramsAndMapsFitIntoTheKernel(t *testing.T) {
	onEachObject(t, func(t *testing.T, spec *ebpf.CollectionSpec) {
		for name := range spec.Programs {
			assert.LessOrEqual(t, len(name), 15, name)
		}
		for name := range spec.Maps {
			assert.LessOrEqual(t, len(name), 15, name)
		}
	})
}

func TestEveryGroupHasAName(t *testing.T) {
	seen := map[string]bool{}
	for g := range Groups {
		assert.NotEmpty(t, g.String())
		assert.False(t, seen[g.String()], g.String())
		seen[g.String()] = true
	}
	for _, p := range programs() {
		assert.Less(t, p.group, Groups)
	}
}
