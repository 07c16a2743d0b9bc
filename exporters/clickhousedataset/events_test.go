// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// logsAt are log records of a container, one at each time in seconds.
func logsAt(seconds ...int64) plog.Logs {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	for _, a := range []extra{
		{"container.id", "abc"}, {"k8s.node.name", "n1"}, {"k8s.pod.name", "shop-1"}, {"k8s.namespace.name", "shop"}, {"cloud.zone", "z"},
	} {
		rl.Resource().Attributes().PutStr(a.key, a.value)
	}
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	for i, s := range seconds {
		r := records.AppendEmpty()
		r.SetTimestamp(pcommon.Timestamp(s*1e9 + 7))
		r.SetObservedTimestamp(pcommon.Timestamp(s*1e9 + 8))
		r.SetEventName("nodesec.exec.first_seen")
		r.SetSeverityNumber(plog.SeverityNumberWarn)
		r.Body().SetStr("/tmp/it's `x`\\ \x00")
		r.Attributes().PutStr("process.executable.path", "/tmp/x")
		r.Attributes().PutInt("process.pid", int64(40+i))
		r.Attributes().PutEmptySlice("list").AppendEmpty().SetStr("a")
	}
	return logs
}

func (d *database) eventRows() uint64 {
	return one[uint64](d, "SELECT count() FROM "+quoteName(d.name)+".events")
}

func testEvents(t *testing.T, d *database) {
	e := start(t, d.config())
	require.NoError(t, e.consumeLogs(t.Context(), logsAt(1_800_000_000, 1_800_000_001)))
	row := one[string](d, `SELECT toString((ts, observed, node, namespace, pod, container_id, scope, event, severity_number, severity,
		body, attributes, resource)) FROM `+quoteName(d.name)+`.events ORDER BY ts LIMIT 1`)
	assert.Equal(t, `('2027-01-15 08:00:00.000000007','2027-01-15 08:00:00.000000008','n1','shop','shop-1','abc','container',`+
		`'nodesec.exec.first_seen',13,'Warn','/tmp/it\'s `+"`x`"+`\\ \0',`+
		`{'process.executable.path':'/tmp/x','process.pid':'40','list':'["a"]'},{'cloud.zone':'z'})`, row)
	require.NoError(t, e.consume(t.Context(), gauge("abc", "a", at(1_800_000_000), 1)))
	assert.Equal(t, uint64(1), one[uint64](d, "SELECT uniqExact(entity) FROM (SELECT entity FROM "+d.containers()+
		" UNION ALL SELECT entity FROM "+quoteName(d.name)+".events)"), "the entity of the samples")
}

func testDetections(t *testing.T, d *database) {
	logs := plog.NewLogs()
	rl := logs.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("container.id", "abc")
	for i, name := range []string{"nodesec.detection.start", "nodesec.detection.end", "other"} {
		r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		r.SetTimestamp(pcommon.Timestamp((1_800_000_000 + int64(i)) * 1e9))
		r.SetEventName(name)
		r.SetSeverityText([]string{"ERROR", "INFO", "INFO"}[i])
		r.Attributes().PutStr("security_rule.name", "miner")
		r.Attributes().PutEmptySlice("nodesec.attack.techniques").AppendEmpty().SetStr("T1496.001")
		if i == 1 {
			r.Attributes().PutStr("nodesec.severity", "ERROR")
			r.Attributes().PutDouble("nodesec.detection.duration", 2.5)
		}
	}
	require.NoError(t, start(t, d.config()).consumeLogs(t.Context(), logs))
	assert.Equal(t, "[(false,'miner','ERROR',['T1496.001'],NULL,'abc'),(true,'miner','ERROR',['T1496.001'],2.5,'abc')]",
		one[string](d, `SELECT toString(groupArray((CAST(ended, 'Bool'), rule, level, techniques, duration, container_id)))
			FROM (SELECT * FROM `+quoteName(d.name)+`.detections ORDER BY ts)`))
}

func testEventsStoredAgain(t *testing.T, d *database) {
	e := start(t, d.config())
	twoDays := logsAt(1_800_000_000, 1_800_000_001, 1_800_100_000)
	for range 3 {
		require.NoError(t, e.consumeLogs(t.Context(), twoDays))
	}
	assert.EqualValues(t, 3, d.eventRows())
	require.NoError(t, start(t, d.config()).consumeLogs(t.Context(), twoDays), "by another exporter")
	assert.EqualValues(t, 3, d.eventRows())
	require.NoError(t, e.consumeLogs(t.Context(), logsAt(1_800_000_002)))
	assert.EqualValues(t, 4, d.eventRows())
}

func testEventsTableDropped(t *testing.T, d *database) {
	e := start(t, d.config())
	require.NoError(t, e.consumeLogs(t.Context(), logsAt(1_800_000_000)))
	d.exec("DROP TABLE " + quoteName(d.name) + ".events SYNC")
	err := e.consumeLogs(t.Context(), logsAt(1_800_000_001))
	require.Error(t, err)
	require.False(t, consumererror.IsPermanent(err), "%v", err)
	require.NoError(t, e.consumeLogs(t.Context(), logsAt(1_800_000_001)))
	assert.EqualValues(t, 1, d.eventRows())
}

func TestEventsOfTheEndOfTimeAreKept(t *testing.T) {
	logs := logsAt(1)
	record := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	record.SetTimestamp(1<<64 - 1)
	days := pivotEvents(logs)
	require.Len(t, days, 1)
	assert.Equal(t, 2106, days[0][0].ts.Year())
	record.SetTimestamp(0)
	assert.Equal(t, int64(1), pivotEvents(logs)[0][0].ts.Unix(), "as it was observed")
}
