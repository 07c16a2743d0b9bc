// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"github.com/prometheus/procfs/blockdevice"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/internal/feature"
	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/noderesource/internal/metadata"
)

// hostRun scrapes the node that the test runs on.
func hostRun(configure ...func(*Config)) (*nodeScraper, *emitter) {
	cfg := createDefaultConfig().(*Config)
	for _, c := range configure {
		c(cfg)
	}
	e := newEmitter(cfg, receivertest.NewNopSettings(metadata.Type), hostClock())
	s := newNodeScraper("/", nodeOptions{logger: zap.NewNop(), maxDevices: cfg.Devices.Max})
	return s, &e
}

func scrapeHost(t testing.TB, s *nodeScraper, e *emitter) pmetric.Metrics {
	e.begin(tick.Tick{Time: time.Now(), Interval: time.Second})
	require.NoError(t, s.scrape(e, hostCounts{}))
	return e.end()
}

// features returns the values of a sample by feature name.
func features(metrics pmetric.Metrics) map[string]float64 {
	values := map[string]float64{}
	for _, m := range metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		points, _ := points(metrics, m.Name())
		for _, p := range points.All() {
			values[feature.Name(m.Name(), p.Attributes())] = float64(p.IntValue()) + p.DoubleValue()
		}
	}
	return values
}

// reference reads the same from the same host with another library.
func reference(t testing.TB) map[string]float64 {
	fs, err := procfs.NewDefaultFS()
	require.NoError(t, err)
	values := map[string]float64{}
	referenceCPU(t, fs, values)
	referenceMemory(t, fs, values)
	referenceNetwork(t, fs, values)
	referenceDisks(t, values)
	return values
}

func referenceCPU(t testing.TB, fs procfs.FS, values map[string]float64) {
	stat, err := fs.Stat()
	require.NoError(t, err)
	values["system_cpu_time_user"] = stat.CPUTotal.User - stat.CPUTotal.Guest
	values["system_cpu_time_nice"] = stat.CPUTotal.Nice - stat.CPUTotal.GuestNice
	values["system_cpu_time_system"] = stat.CPUTotal.System
	values["system_cpu_time_idle"] = stat.CPUTotal.Idle
	values["system_cpu_time_iowait"] = stat.CPUTotal.Iowait
	values["system_cpu_time_softirq"] = stat.CPUTotal.SoftIRQ
	values["system_cpu_time_steal"] = stat.CPUTotal.Steal
	values["system_cpu_logical_count"] = float64(len(stat.CPU))
	values["cpu_context_switches"] = float64(stat.ContextSwitches)
	values["cpu_interrupts"] = float64(stat.IRQTotal)
	values["cpu_softirqs"] = float64(stat.SoftIRQTotal)
	values["system_process_created"] = float64(stat.ProcessCreated)
	if psi, err := fs.PSIStatsForResource("cpu"); err == nil {
		values["pressure_stall_time_some_cpu"] = float64(psi.Some.Total) / 1e6
	}
	if psi, err := fs.PSIStatsForResource("io"); err == nil {
		values["pressure_stall_time_full_io"] = float64(psi.Full.Total) / 1e6
	}
}

func referenceMemory(t testing.TB, fs procfs.FS, values map[string]float64) {
	m, err := fs.Meminfo()
	require.NoError(t, err)
	values["system_memory_limit"] = float64(*m.MemTotalBytes)
	values["system_memory_linux_available"] = float64(*m.MemAvailableBytes)
	values["system_memory_usage_free"] = float64(*m.MemFreeBytes)
	values["system_memory_usage_cached"] = float64(*m.CachedBytes)
	values["system_memory_usage_used"] = float64(*m.MemTotalBytes - *m.MemFreeBytes - *m.BuffersBytes - *m.CachedBytes)
	values["system_memory_linux_slab_usage_reclaimable"] = float64(*m.SReclaimableBytes)
	values["memory_committed"] = float64(*m.CommittedASBytes)
	values["memory_kernel_stack"] = float64(*m.KernelStackBytes)
	values["memory_anonymous"] = float64(*m.AnonPagesBytes)
	var root unix.Statfs_t
	require.NoError(t, unix.Statfs("/", &root))
	values["filesystem_used_root"] = float64(root.Blocks-root.Bfree) * float64(root.Frsize)
	values["filesystem_inodes_free_root"] = float64(root.Ffree)
}

func referenceNetwork(t testing.TB, fs procfs.FS, values map[string]float64) {
	dev, err := fs.NetDev()
	require.NoError(t, err)
	for name, nic := range dev {
		if name == "lo" {
			values["network_loopback_io"] = float64(nic.RxBytes)
			continue
		}
		values["system_network_io_receive"] += float64(nic.RxBytes)
		values["system_network_io_transmit"] += float64(nic.TxBytes)
		values["system_network_packet_count_receive"] += float64(nic.RxPackets)
		values["system_network_packet_dropped_receive"] += float64(nic.RxDropped)
	}
	self, err := fs.Self()
	require.NoError(t, err)
	snmp, err := self.Snmp()
	require.NoError(t, err)
	values["tcp_segments_receive"] = *snmp.InSegs
	values["tcp_segments_transmit"] = *snmp.OutSegs
	values["tcp_active_opens"] = *snmp.ActiveOpens
	values["tcp_resets_sent"] = *snmp.OutRsts
	netstat, err := self.Netstat()
	require.NoError(t, err)
	values["tcp_timeouts"] = *netstat.TCPTimeouts
	values["tcp_listen_drops"] = *netstat.ListenDrops
	if snmp6, err := self.Snmp6(); err == nil && snmp6.Udp6.OutDatagrams != nil {
		values["udp_datagrams_transmit"] = *snmp.Udp.OutDatagrams + *snmp6.Udp6.OutDatagrams
		values["icmp_messages_receive"] = *snmp.InMsgs + *snmp6.InMsgs
	}
}

func referenceDisks(t testing.TB, values map[string]float64) {
	fs, err := blockdevice.NewDefaultFS()
	require.NoError(t, err)
	disks, err := fs.ProcDiskstats()
	require.NoError(t, err)
	for _, disk := range disks {
		if unix.Access("/sys/block/"+disk.DeviceName+"/device", unix.F_OK) != nil {
			continue
		}
		values["system_disk_io_read"] += float64(disk.ReadSectors) * 512
		values["system_disk_io_write"] += float64(disk.WriteSectors) * 512
		values["system_disk_operations_write"] += float64(disk.WriteIOs)
		values["system_disk_io_time"] += float64(disk.IOsTotalTicks) / 1e3
	}
}

// The values of the host move between any two readings, so ours must lie between two readings of the other library.
// Counters only rise; gauges may go anywhere in between, and get some room and a few tries.
func TestNodeScrapeAgreesWithAnotherLibraryOnThisHost(t *testing.T) {
	if _, err := procfs.NewDefaultFS(); err != nil {
		t.Skipf("no /proc here: %v", err)
	}
	s, e := hostRun(cumulative)
	names := 0
	odd := map[string]string{} // what never agreed
	for try := range 5 {
		before := reference(t)
		ours := features(scrapeHost(t, s, e))
		after := reference(t)
		names = len(before)
		for name, one := range before {
			got, ok := ours[name]
			require.True(t, ok, "feature %s is absent", name)
			other := after[name]
			room := 0.02 * math.Max(math.Abs(one), math.Abs(other))
			if got >= math.Min(one, other)-room && got <= math.Max(one, other)+room {
				delete(odd, name)
			} else if _, still := odd[name]; still || try == 0 {
				odd[name] = fmt.Sprintf("%g, not between %g and %g", got, one, other)
			}
		}
		if len(odd) == 0 {
			break
		}
	}
	assert.Empty(t, odd)
	assert.GreaterOrEqual(t, names, 35)
}

func TestNodeScrapeWindowOnThisHost(t *testing.T) {
	s, e := hostRun()
	scrapeHost(t, s, e)
	agrees := false
	for range 10 { // the machine may be so busy that the clock and the counters are not read at once
		began := s.life.read
		time.Sleep(300 * time.Millisecond)
		metrics := scrapeHost(t, s, e)
		cpu, ok := points(metrics, "system.cpu.time")
		require.True(t, ok)
		window := cpu.At(0).Timestamp().AsTime().Sub(cpu.At(0).StartTimestamp().AsTime())
		assert.Equal(t, s.life.read-began, window)
		assert.Equal(t, pcommon.NewTimestampFromTime(e.tick.Time), cpu.At(0).Timestamp())
		total := value(t, metrics, "system.cpu.time")
		cpus := value(t, metrics, "system.cpu.logical.count")
		t.Logf("%.3f s of %g CPUs, %.3f s in all modes", window.Seconds(), cpus, total)
		if agrees = math.Abs(window.Seconds()*cpus-total) < 0.2*total; agrees {
			break
		}
	}
	assert.True(t, agrees, "the modes add up to the window of every CPU")
}

func BenchmarkNodeScrape(b *testing.B) {
	for _, bench := range []struct {
		name      string
		configure []func(*Config)
	}{{"default", nil}, {"devices", []func(*Config){perDevice}}} {
		b.Run(bench.name, func(b *testing.B) {
			s, e := hostRun(bench.configure...)
			scrapeHost(b, s, e)
			b.ReportAllocs()
			for b.Loop() {
				scrapeHost(b, s, e)
			}
		})
	}
}
