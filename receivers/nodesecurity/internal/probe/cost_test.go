// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// cost is how often a program ran and how long that took.
type cost struct {
	runs uint64
	time time.Duration
}

func (h *host) costs(t *testing.T) map[string]cost {
	t.Helper()
	all := map[string]cost{}
	for name, program := range h.probe.programs {
		stats, err := program.Stats()
		require.NoError(t, err)
		all[name] = cost{stats.RunCount, stats.Runtime}
	}
	return all
}

// TestCosts measures what programs cost and only tells: a machine that does something else, too, is slower. Handlers have
// no times of their own, they run as part of on_sys_exit.
func TestCosts(t *testing.T) {
	if os.Getenv("NODESEC_TEST_COSTS") == "" {
		t.Skip("NODESEC_TEST_COSTS is not set")
	}
	statistics, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	require.NoError(t, err)
	t.Cleanup(func() { _ = statistics.Close() })
	const times = 50000
	onEachHierarchy(t, func(t *testing.T, h *host) {
		s := h.rooted(t)
		deep := "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/f"
		s.do(t, "put", "/f", "/usr/include/linux/bpf.h", "/etc/cron.d/x", deep, "/home/alice/.ssh/id_rsa")
		start := h.costs(t)
		measure := func(name string, calls uint64, words ...string) (each time.Duration) {
			before := h.costs(t)["on_sys_exit"]
			s.do(t, "repeat", append([]string{strconv.Itoa(times)}, words...)...)
			after := h.costs(t)["on_sys_exit"]
			runs := after.runs - before.runs
			each = (after.time - before.time) / time.Duration(times)
			t.Logf("%-40s %6d ns for %d calls (%d runs)", name, each.Nanoseconds(), calls, runs)
			return each
		}
		measure("close of nothing", 1, "call", "9", "close", num(-1))
		for _, name := range []string{"/f", "/usr/include/linux/bpf.h", "/etc/cron.d/x", "/home/alice/.ssh/id_rsa", deep} {
			measure("open and close "+name, 2, reading(cwd(), str(name))...)
		}
		measure("open "+"/missing", 1, "call", "2", "openat", cwd(), str("/missing"), num(0))
		measure("truncate /f", 1, on("truncate", str("/f"), num(0))...)
		measure("truncate /usr/include/linux/bpf.h", 1, on("truncate", str("/usr/include/linux/bpf.h"), num(0))...)
		n := h.networked(t, network(t))
		n.do(t, "scan", "127.0.0.1", "1", "21000", "10000")
		n.do(t, "flows", "7000", "1000", "20")
		end := h.costs(t)
		names := slices.SortedFunc(maps.Keys(end), func(a, b string) int { return cmp.Compare(end[b].time, end[a].time) })
		for _, name := range names {
			runs := end[name].runs - start[name].runs
			if runs > 0 && !strings.HasPrefix(name, "do_") {
				t.Logf("%-16s %9d runs, %6d ns each", name, runs, uint64(end[name].time-start[name].time)/runs)
			}
		}
	})
}
