// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/nodesec/nodesec/exporters/clickhousedataset/internal/metadatatest"
)

// TestStore runs everything that needs one server, on one.
func TestStore(t *testing.T) {
	s := startServer(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *database)
	}{
		{"all tables and types are read back", testReadBack},
		{"a batch that is stored again is stored once", testStoredAgain},
		{"a token without its rows is not believed", testTokenWithoutRows},
		{"rows without their token are not stored again", testRowsWithoutToken},
		{"hostile names come back as they were", testHostileNames},
		{"features with the same name get columns of their own", testSameName},
		{"a feature named like one of our columns gets another name", testNamedLikeOurs},
		{"a late column reads NaN in older rows", testLateColumn},
		{"features past the limit go to the column more", testOverflow},
		{"two exporters agree on the columns", testConcurrentExporters},
		{"bad points do not keep out the good", testBadPoints},
		{"rows that the server refuses do not keep out other tables", testRefusedRows},
		{"the exporter counts what it does", testTelemetry},
		{"a table that is dropped is made again", testDroppedTable},
		{"a column that changed its type is left alone", testChangedType},
		{"without create_schema nothing is made", testNoSchema},
		{"each day of a batch is stored once", testManyDays},
		{"a large batch is one block", testLargeBatch},
		{"zeros that were left out are stored", testZeros},
		{"log records become events", testEvents},
		{"log records of alerts are in the view of detections", testDetections},
		{"log records that are stored again are stored once", testEventsStoredAgain},
		{"a table of events that is dropped is made again", testEventsTableDropped},
		{"the printed schema is what the exporter makes", testSchema},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, newDatabase(t, s)) })
	}
}

func testReadBack(t *testing.T, d *database) {
	e := start(t, d.config())
	require.NoError(t, e.consume(t.Context(), read(t, "testdata/containers.otlp.json")))
	require.NoError(t, e.consume(t.Context(), read(t, "testdata/scopes.otlp.json")))
	err := e.consume(t.Context(), read(t, "testdata/kinds.otlp.json"))
	require.ErrorContains(t, err, `metric "nothing"`)
	require.True(t, consumererror.IsPermanent(err))

	for _, tt := range []struct{ columns, from, want string }{
		{
			"ts, interval_ms, node, pod, workload, workload_kind, container_id", "container_samples WHERE pod != ''",
			"('2027-01-15 08:00:00.000',10000,'n1','shop-1','shop','Deployment','abc')",
		},
		{
			"container_cpu_time_user, container_cpu_time_system, container_memory_usage",
			"container_samples WHERE pod != ''", "(1.5,0.5,8192)",
		},
		{"container_cpu_time_user, container_memory_usage", "container_samples WHERE pod = ''", "(2.5,nan)"},
		{
			"rules, severity, techniques, attributes", "container_samples WHERE pod != ''",
			"(['shell in container','miner','scan'],'high',['T1059']," +
				"{'host.name':'ip-10-0-0-1','k8s.replicaset.name':'shop-7f'})",
		},
		{
			"pid, ppid, created, process, exe, command, node", "process_samples WHERE pid = 42",
			`(42,1,'2027-01-15 08:00:00.250','nginx','/usr/sbin/nginx','nginx -g \'daemon off;\'','n1')`,
		},
		{"pod_uid, k8s_pod_phase", "pod_samples", "('p',2)"},
		{"attributes, http_requests, orphan", "other_samples WHERE http_requests > 0", "({'service.name':'shop'},0.25,nan)"},
		{"attributes, http_requests, orphan", "other_samples WHERE orphan > 0", "({},nan,1)"},
		{
			"h_200_count, h_200_sum, h_200_min, h_200_max, h_200_bounds, h_200_counts",
			"node_samples WHERE h_200_count > 0", "(6,7.5,0.1,3,[1,2],[1,2,3])",
		},
		{"h_500_count, inf, node_samples.nan", "node_samples WHERE h_200_count > 0", "(2,inf,nan)"},
		{
			"e_bounds, e_counts, s_quantiles, s_values", "node_samples WHERE h_200_count > 0",
			"([1,2,4],[1,1,2,0],[0.5,0.99],[1,9])",
		},
	} {
		query := "SELECT toString((" + tt.columns + ")) FROM " + quoteName(d.name) + "." + tt.from
		assert.Equal(t, tt.want, one[string](d, query), tt.columns)
	}
}

func testBadPoints(t *testing.T, d *database) {
	e := start(t, d.config())
	metrics := gauge("c", "good", at(1_800_000_000), 1)
	addGauge(metrics, "c", "no.timestamp", 0, 2)
	metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().AppendEmpty().SetName("no.type")
	err := e.consume(t.Context(), metrics)
	require.True(t, consumererror.IsPermanent(err))
	require.ErrorContains(t, err, `2 points not stored (the other 1 are)`)
	require.ErrorContains(t, err, `metric "no.timestamp": a point has no timestamp`)
	require.ErrorContains(t, err, `metric "no.type": `)
	assert.Equal(t, 1.0, one[float64](d, "SELECT good FROM "+d.containers()))
}

func testRefusedRows(t *testing.T, d *database) {
	e := start(t, d.config())
	metrics := func(value float64) pmetric.Metrics {
		m := gauge("c", "a", at(1_800_000_000), value)
		read(t, "testdata/scopes.otlp.json").ResourceMetrics().MoveAndAppendTo(m.ResourceMetrics())
		return m
	}
	require.NoError(t, e.consume(t.Context(), gauge("c", "a", at(1_800_000_000), 1)))
	d.exec("ALTER TABLE " + d.containers() + " ADD CONSTRAINT small CHECK a < 5")
	err := e.consume(t.Context(), metrics(9))
	require.True(t, consumererror.IsPermanent(err), "%v", err)
	require.ErrorContains(t, err, "container_samples")
	assert.Equal(t, uint64(1), one[uint64](d, "SELECT count() FROM "+d.containers()))
	assert.Equal(t, uint64(2), one[uint64](d, "SELECT count() FROM "+quoteName(d.name)+".process_samples"))
}

func testTelemetry(t *testing.T, d *database) {
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.Background())) })
	cfg := d.config()
	cfg.MaxFeatures = 2
	e, err := newExporter(cfg, telemetry.NewTelemetrySettings())
	require.NoError(t, err)
	require.NoError(t, e.start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, e.shutdown(context.Background())) })
	metrics := gauge("c", "a", at(1_800_000_000), 1)
	addGauge(metrics, "c", "a", at(1_800_000_000), 2) // a duplicate
	addGauge(metrics, "c", "b", at(1_800_000_000), math.NaN())
	addGauge(metrics, "c", "d", at(1_800_000_000), 3) // has no column
	addGauge(metrics, "d", "a", at(1_800_000_000), 4)
	addGauge(metrics, "d", "e", 0, 5) // can't be stored
	require.Error(t, e.consume(t.Context(), metrics))

	table := attribute.NewSet(attribute.String("table", "container_samples"))
	one := func(n int64) []metricdata.DataPoint[int64] {
		return []metricdata.DataPoint[int64]{{Value: n, Attributes: table}}
	}
	ignore := metricdatatest.IgnoreTimestamp()
	metadatatest.AssertEqualClickhousedatasetRows(t, telemetry, one(2), ignore)
	metadatatest.AssertEqualClickhousedatasetValues(t, telemetry, one(3), ignore)
	metadatatest.AssertEqualClickhousedatasetMissingValues(t, telemetry, one(1), ignore)
	metadatatest.AssertEqualClickhousedatasetDuplicateValues(t, telemetry, one(1), ignore)
	metadatatest.AssertEqualClickhousedatasetOverflowedValues(t, telemetry, one(1), ignore)
	metadatatest.AssertEqualClickhousedatasetColumnsAdded(t, telemetry, one(2), ignore)
	metadatatest.AssertEqualClickhousedatasetPermanentErrors(t, telemetry,
		[]metricdata.DataPoint[int64]{{Value: 1}}, ignore)
	metadatatest.AssertEqualClickhousedatasetBytes(t, telemetry,
		[]metricdata.DataPoint[int64]{{}}, ignore, metricdatatest.IgnoreValue())
	metadatatest.AssertEqualClickhousedatasetInsertDuration(t, telemetry,
		[]metricdata.HistogramDataPoint[float64]{{Attributes: table}}, ignore, metricdatatest.IgnoreValue())
}

func testDroppedTable(t *testing.T, d *database) {
	e := start(t, d.config())
	require.NoError(t, e.consume(t.Context(), gauge("c", "a", at(1_800_000_000), 1)))
	for i, drop := range []string{
		"DROP TABLE " + d.containers() + " SYNC",
		"ALTER TABLE " + d.containers() + " DROP COLUMN a",
		"DROP DATABASE " + quoteName(d.name) + " SYNC",
	} {
		d.exec(drop)
		metrics := gauge("c", "a", at(1_800_000_001+int64(i)), float64(i+2))
		err := e.consume(t.Context(), metrics)
		require.Error(t, err, drop)
		require.False(t, consumererror.IsPermanent(err), "%s: %v", drop, err)
		require.NoError(t, e.consume(t.Context(), metrics), drop)
		assert.Equal(t, float64(i+2), one[float64](d, "SELECT a FROM "+d.containers()+" ORDER BY ts DESC LIMIT 1"), drop)
	}
}

func testNoSchema(t *testing.T, d *database) {
	cfg := d.config()
	cfg.CreateSchema = false
	e := start(t, cfg)
	metrics := gauge("c", "a", at(1_800_000_000), 1)
	addGauge(metrics, "c", "b", at(1_800_000_000), 2)
	err := e.consume(t.Context(), metrics)
	require.ErrorIs(t, err, errNoTable)
	require.ErrorContains(t, err, "nodesecctl schema")
	require.False(t, consumererror.IsPermanent(err), "somebody may apply the schema")
	assert.Zero(t, one[uint64](d, "SELECT count() FROM system.databases WHERE name = "+quoteText(d.name)))

	schema, err := NewSchema(cfg)
	require.NoError(t, err)
	d.apply(schema, Feature{Metric: "a", Type: "gauge"})
	require.NoError(t, e.consume(t.Context(), metrics))
	assert.Equal(t, "(1,{'b':2})", one[string](d, "SELECT toString((a, more)) FROM "+d.containers()))
}

func testSchema(t *testing.T, d *database) {
	e := start(t, d.config())
	require.NoError(t, e.consume(t.Context(), gauge("c", "a", at(1_800_000_000), 1)))
	columns := func() string {
		return one[string](d, "SELECT toString(groupArray((name, type, default_expression, comment, compression_codec))) FROM "+
			"(SELECT * FROM system.columns WHERE database = "+quoteText(d.name)+
			" AND table = 'container_samples' ORDER BY position)")
	}
	made := columns()
	d.exec("DROP DATABASE " + quoteName(d.name) + " SYNC")
	schema, err := NewSchema(d.config())
	require.NoError(t, err)
	d.apply(schema, Feature{Metric: "a", Type: "gauge"})
	assert.Equal(t, made, columns())
	assert.Equal(t, uint64(7), one[uint64](d, "SELECT count() FROM system.tables WHERE database = "+quoteText(d.name)))
}
