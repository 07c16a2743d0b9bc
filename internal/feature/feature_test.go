// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func attributes(t testing.TB, raw map[string]any) pcommon.Map {
	m := pcommon.NewMap()
	require.NoError(t, m.FromRaw(raw))
	return m
}

func TestName(t *testing.T) {
	for _, tt := range []struct {
		name, metric string
		attributes   map[string]any
		want         string
	}{
		{"dots become underscores", "system.memory.limit", nil, "system_memory_limit"},
		{"attribute values follow", "container.cpu.time", map[string]any{"cpu.mode": "user"}, "container_cpu_time_user"},
		{"values come in the order of their keys", "m", map[string]any{"b": "2", "a": "1", "c": "3"}, "m_1_2_3"},
		{"our own prefix is dropped", "nodesec.exec.shell", nil, "exec_shell"},
		{"another namespace that starts alike is not", "nodesecx.exec", nil, "nodesecx_exec"},
		{"letters become lower case", "JVM.Heap", map[string]any{"pool": "Eden"}, "jvm_heap_eden"},
		{"numbers and flags are values too", "m", map[string]any{"a": 7, "b": true}, "m_7_true"},
		{"everything else becomes an underscore", "a`b\"; DROP TABLE x; --", nil, "a_b___drop_table_x____"},
		{"a leading digit gets an underscore", "5m.load", nil, "_5m_load"},
		{"an empty name is an underscore", "", nil, "_"},
		{"bytes outside ASCII become underscores", "é", nil, "__"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, Name(tt.metric, attributes(t, tt.attributes)))
		})
	}
}

func TestLongNamesStayApart(t *testing.T) {
	a := Name(strings.Repeat("x", 300)+".a", pcommon.NewMap())
	b := Name(strings.Repeat("x", 300)+".b", pcommon.NewMap())
	assert.Len(t, a, MaxLength)
	assert.NotEqual(t, a, b)
	assert.Len(t, WithSuffix(a, "12345678"), MaxLength)
}

func TestKeyTellsApartWhatNameDoesNot(t *testing.T) {
	none := pcommon.NewMap()
	assert.NotEqual(t, Key("a.b", none), Key("a_b", none))
	assert.NotEqual(t,
		Key("m", attributes(t, map[string]any{"a": "1,b=2"})),
		Key("m", attributes(t, map[string]any{"a": "1", "b": "2"})))
	assert.Equal(t, "m{a=1,b=2}", Key("m", attributes(t, map[string]any{"b": "2", "a": "1"})))
}

func FuzzName(f *testing.F) {
	f.Add("container.cpu.time", "cpu.mode", "user")
	f.Add("", "", "\x00'`\\")
	f.Add(strings.Repeat("é", 200), "k", "v")
	identifier := regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)
	f.Fuzz(func(t *testing.T, metric, key, value string) {
		m := pcommon.NewMap()
		m.PutStr(key, value)
		name := Name(metric, m)
		if !identifier.MatchString(name) || len(name) > MaxLength {
			t.Fatalf("Name(%q, {%q: %q}) = %q is no identifier of at most %d bytes", metric, key, value, name, MaxLength)
		}
		if again := Name(metric, m); again != name {
			t.Fatalf("not deterministic: %q, then %q", name, again)
		}
	})
}
