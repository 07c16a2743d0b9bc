// SPDX-License-Identifier: Apache-2.0

package footprint

import (
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/nodesec/nodesec/extensions/footprint/internal/metadata"
)

func TestConfig(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, cfg.Validate())
	cfg.GCPercent = -1
	require.EqualError(t, cfg.Validate(), "gc_percent must be 0 or more, but is -1")
	cfg.GCPercent, cfg.ReleaseInterval = 0, time.Millisecond
	require.EqualError(t, cfg.Validate(), "release_interval must be 0 or at least 1s, but is 1ms")
	cfg.ReleaseInterval = 0
	require.NoError(t, cfg.Validate())
}

// resident is how much of the program's file is resident in this process.
func resident(t *testing.T) (bytes int64) {
	t.Helper()
	program, err := os.Readlink("/proc/self/exe")
	require.NoError(t, err)
	file, err := os.Open("/proc/self/smaps")
	require.NoError(t, err)
	defer func() { assert.NoError(t, file.Close()) }()
	mappings, err := readMappings(file)
	require.NoError(t, err)
	for _, m := range mappings {
		if m.path == program && m.readOnly {
			bytes += m.resident
		}
	}
	return bytes
}

func TestProgramIsReleasedAndRunsOn(t *testing.T) {
	before := resident(t)
	require.Positive(t, before)
	released, err := releaseProgram()
	require.NoError(t, err)
	assert.Positive(t, released)
	assert.LessOrEqual(t, released, before)
	assert.Less(t, resident(t), before, "what the test itself needs is less than all that the start needed")
}

func TestExtension(t *testing.T) {
	debug.SetGCPercent(100)
	core, logs := observer.New(zap.DebugLevel)
	settings := extensiontest.NewNopSettings(metadata.Type)
	settings.Logger = zap.New(core)
	e, err := NewFactory().Create(t.Context(), settings, &Config{GCPercent: 40, ReleaseInterval: time.Second})
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	require.Eventually(t, func() bool { return logs.FilterMessage("Released memory of the program").Len() > 0 }, 10*time.Second, 10*time.Millisecond)
	assert.Equal(t, 40, debug.SetGCPercent(40))
	require.NoError(t, e.Shutdown(t.Context()))
	assert.Equal(t, 100, debug.SetGCPercent(100), "as it was before")
}

func TestReadMappings(t *testing.T) {
	const smaps = `00400000-045b4000 r-xp 00000000 fd:03 960637                     /opt/a program
Size:              67280 kB
Rss:               31204 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
08bfe000-08e94000 rw-p 087fe000 fd:03 960637                     /opt/a program
Rss:                1804 kB
Anonymous:          1800 kB
7fc4b6200000-7fc4b6600000 rw-p 00000000 00:00 0 
Rss:                3860 kB
7fc4b54e0000-7fc4b5620000 r--s 00000000 00:0f 17                         anon_inode:bpf-map
Rss:                1280 kB
`
	mappings, err := readMappings(strings.NewReader(smaps))
	require.NoError(t, err)
	assert.Equal(t, []mapping{
		{start: 0x400000, end: 0x45b4000, path: "/opt/a program", readOnly: true, resident: 31204 << 10},
		{start: 0x8bfe000, end: 0x8e94000, path: "/opt/a program", resident: 1804 << 10, anonymous: 1800 << 10},
		{start: 0x7fc4b6200000, end: 0x7fc4b6600000, resident: 3860 << 10},
		{start: 0x7fc4b54e0000, end: 0x7fc4b5620000, path: "anon_inode:bpf-map", resident: 1280 << 10},
	}, mappings)
	_, err = readMappings(strings.NewReader(strings.Replace(smaps, "31204 kB", "many", 1)))
	assert.ErrorContains(t, err, "Rss")
}
