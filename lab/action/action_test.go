// SPDX-License-Identifier: Apache-2.0

package action

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/lab/actor"
)

func TestMain(m *testing.M) {
	actor.RunChildIfAsked()
	RunChildIfAsked()
	os.Exit(m.Run())
}

func TestTheCatalogueIsWellFormed(t *testing.T) {
	name, technique := regexp.MustCompile(`^[a-z][a-z_]+$`), regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
	seen := map[string]bool{}
	for _, a := range All() {
		assert.Regexp(t, name, a.Name)
		assert.False(t, seen[a.Name], "%s is there twice", a.Name)
		seen[a.Name] = true
		assert.NotEmpty(t, a.Description, a.Name)
		assert.True(t, (a.act == nil) != (a.program == nil), a.Name)
		assert.Contains(t, []Role{Attack, Benign}, a.Role, a.Name)
		assert.Equal(t, a.Role == Attack, len(a.Techniques) > 0, "%s: attacks have techniques", a.Name)
		for _, id := range a.Techniques {
			assert.Regexp(t, technique, id, a.Name)
		}
		_, err := a.Complete(nil)
		assert.NoError(t, err, "the defaults are within bounds")
		var cfg actor.Config
		a.Prepare(&cfg)
		assert.NoError(t, cfg.Validate(), a.Name)
		if a.Needs.Peer != "" {
			_, err := Find(a.Needs.Peer)
			assert.NoError(t, err)
		}
	}
}

func TestValuesAreChecked(t *testing.T) {
	a, err := Find("scan_ports")
	require.NoError(t, err)
	for _, bad := range []Values{{"count": "0"}, {"count": "many"}, {"count": "1000000"}, {"ports": "3"}} {
		_, err := a.Complete(bad)
		assert.Error(t, err, bad)
	}
	_, err = Find("no_such_action")
	assert.Error(t, err)
	a, err = Find("shell")
	require.NoError(t, err)
	_, err = a.Complete(Values{"below": "nobody"})
	assert.Error(t, err)
}

// TestEveryActionCanBeDone does each action with each of its choices.
func TestEveryActionCanBeDone(t *testing.T) {
	stage, err := actor.Open(actor.DefaultFolder) // so that what a killed run left is removed
	if err != nil {
		if os.Getenv("NODESEC_TEST_BPF") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(func() { assert.NoError(t, stage.Close()) })
	before := hostState(t)
	for _, a := range All() {
		for _, values := range variants(a) {
			t.Run(a.Name+valuesName(a, values), func(t *testing.T) {
				t.Parallel()
				do(t, stage, a, values)
			})
		}
	}
	t.Cleanup(func() { assert.Equal(t, before, hostState(t), "the host is as it was") })
}

// variants are one set of values for each choice that there is.
func variants(a *Action) (all []Values) {
	short := Values{}
	for _, p := range a.Parameters {
		if p.Name == "seconds" {
			short["seconds"] = "1"
		}
	}
	all = []Values{short}
	for _, p := range a.Parameters {
		for i := 1; i < len(p.Choices); i++ {
			v := Values{p.Name: p.Choices[i]}
			if short["seconds"] != "" {
				v["seconds"] = "1"
			}
			all = append(all, v)
		}
	}
	return all
}

func valuesName(a *Action, v Values) (name string) {
	for _, p := range a.Parameters {
		if value, ok := v[p.Name]; ok && p.Name != "seconds" {
			name += "/" + value
		}
	}
	return name
}

func do(t *testing.T, stage *actor.Stage, a *Action, values Values) {
	if missing := a.Missing(); len(missing) > 0 {
		t.Skipf("the host lacks %s", missing)
	}
	var cfg actor.Config
	a.Prepare(&cfg)
	cfg.Limits.Memory = 128 << 20
	if a.Needs.Peer != "" {
		peer, err := Find(a.Needs.Peer)
		require.NoError(t, err)
		cfg.NetworkOf, err = stage.New(t.Context(), actor.Config{Name: "peer"})
		require.NoError(t, err)
		defer cfg.NetworkOf.Close()
		_, err = peer.Start(t.Context(), cfg.NetworkOf, nil)
		require.NoError(t, err)
		time.Sleep(500 * time.Millisecond)
	}
	in, err := stage.New(t.Context(), cfg)
	require.NoError(t, err)
	defer in.Close()
	running, err := a.Start(t.Context(), in, values)
	require.NoError(t, err)
	outcome, err := running.Wait(t.Context())
	require.NoError(t, err)
	assert.Empty(t, outcome.Failed)
	assert.False(t, outcome.Effect.Before(outcome.Started))
	assert.False(t, outcome.Ended.Before(outcome.Effect))
}

// hostState is what actions would change of the host if they could.
func hostState(t *testing.T) map[string]string {
	state := map[string]string{}
	for _, pattern := range []string{"/etc/*", "/etc/cron.d/*", "/etc/systemd/system/*", "/root/.*", "/usr/bin/*", "/usr/local/bin/*",
		"/var/lib/dpkg/*", "/dev/shm/*", "/mnt/*", "/media/*", "/srv/*"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range names {
			if info, err := os.Lstat(name); err == nil && !info.IsDir() {
				state[name] = info.Mode().String() + " " + strconv.FormatInt(info.Size(), 10) + " " + info.ModTime().String()
			}
		}
	}
	for _, name := range []string{"/proc/swaps", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/self/mounts"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		state[name] = string(text)
	}
	return state
}
