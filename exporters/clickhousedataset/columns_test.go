// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/feature"
)

// hostile are names that have broken databases before.
func hostile() []string {
	return []string{
		"`", "a`b", `a\`, `a\'`, "a'); DROP TABLE x; --", "a\nb", "a\x00b", "a\x00\xffb", "\xff\xfe", "é", "🦄🦄",
		"ts", "", " ",
		`{"metric":"x"}`, "{a=b}", "a{count}", "%s%d", "a?b", "{db:String}",
		strings.Repeat("x", 10_000), strings.Repeat("é", 5000) + "`",
	}
}

func testHostileNames(t *testing.T, d *database) {
	e := start(t, d.config())
	metrics := pmetric.NewMetrics()
	for i, name := range hostile() {
		addGauge(metrics, "c", name, at(1_800_000_000), float64(i+1))
		addGauge(metrics, "c", "m", at(1_800_000_000), float64(i+1001), name, "1")
		addGauge(metrics, "c", "m", at(1_800_000_000), float64(i+2001), "k", name)
		addGauge(metrics, name, "m", at(1_800_000_000), 0)
	}
	require.NoError(t, e.consume(t.Context(), metrics))
	check := func() {
		row := readFeatures(t, d, "container_id = 'c'")
		for i, name := range hostile() {
			name := validText(name)
			assert.Equal(t, float64(i+1), row[feature.Key(name, attributesOf())], "metric %q", name)
			assert.Equal(t, float64(i+1001), row[feature.Key("m", attributesOf(name, "1"))], "attribute %q", name)
			assert.Equal(t, float64(i+2001), row[feature.Key("m", attributesOf("k", name))], "value %q", name)
			if name == "" {
				continue // without an ID it is no container
			}
			assert.Equal(t, uint64(1), one[uint64](d, "SELECT count() FROM "+d.containers()+" WHERE container_id = unhex('"+
				fmt.Sprintf("%x", hostile()[i])+"') AND m = 0"), "container %q", name)
		}
	}
	check()
	before := one[uint64](d, "SELECT count() FROM system.columns WHERE database = "+quoteText(d.name))
	again := start(t, d.config())
	require.NoError(t, again.consume(t.Context(), metrics))
	require.NoError(t, again.consume(t.Context(), gauge("d", hostile()[0], at(1_800_000_000), 5)))
	check()
	assert.Equal(t, before, one[uint64](d, "SELECT count() FROM system.columns WHERE database = "+quoteText(d.name)),
		"an exporter that starts anew recognises all columns")
}

func testSameName(t *testing.T, d *database) {
	e := start(t, d.config())
	require.NoError(t, e.consume(t.Context(), gauge("c", "a.b", at(1_800_000_000), 1)))
	require.NoError(t, e.consume(t.Context(), gauge("c", "a_b", at(1_800_000_001), 2)))
	require.NoError(t, start(t, d.config()).consume(t.Context(), gauge("c", "a_b", at(1_800_000_002), 3)))
	other := "a_b_" + feature.Hash("a_b")
	assert.Equal(t, "[(1,nan),(nan,2),(nan,3)]",
		one[string](d, "SELECT toString(groupArray((a_b, "+other+"))) FROM (SELECT * FROM "+d.containers()+" ORDER BY ts)"))
}

func testNamedLikeOurs(t *testing.T, d *database) {
	e := start(t, d.config())
	require.NoError(t, e.consume(t.Context(), gauge("c", "entity", at(1_800_000_000), 7)))
	assert.Equal(t, 7.0, one[float64](d, "SELECT entity_"+feature.Hash("entity")+" FROM "+d.containers()))
}

func testLateColumn(t *testing.T, d *database) {
	e := start(t, d.config())
	require.NoError(t, e.consume(t.Context(), gauge("c", "early", at(1_800_000_000), 1)))
	require.NoError(t, e.consume(t.Context(), gauge("c", "late", at(1_800_000_001), 2)))
	query := "SELECT toString(groupArray((early, late))) FROM (SELECT * FROM " + d.containers() + " ORDER BY ts)"
	assert.Equal(t, "[(1,nan),(nan,2)]", one[string](d, query))
	d.exec("OPTIMIZE TABLE " + d.containers() + " FINAL")
	assert.Equal(t, "[(1,nan),(nan,2)]", one[string](d, query), "after a merge")
}

func testOverflow(t *testing.T, d *database) {
	cfg := d.config()
	cfg.MaxFeatures = 2
	e := start(t, cfg)
	metrics := pmetric.NewMetrics()
	for i, name := range []string{"a", "b", "c", "c_d", "c.d"} {
		addGauge(metrics, "x", name, at(1_800_000_000), float64(i+1))
	}
	addGauge(metrics, "y", "a", at(1_800_000_000), 9)
	m := metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().AppendEmpty()
	m.SetName("h")
	point := m.SetEmptyHistogram().DataPoints().AppendEmpty()
	point.SetTimestamp(at(1_800_000_000))
	point.SetCount(3)
	point.BucketCounts().FromRaw([]uint64{1, 2})
	point.ExplicitBounds().FromRaw([]float64{0.5})
	require.NoError(t, e.consume(t.Context(), metrics))
	more := fmt.Sprintf("{'c':3,'c_d':5,'c_d_%s':4,'h_bounds_0':0.5,'h_count':3,'h_counts_0':1,'h_counts_1':2}",
		feature.Hash("c_d"))
	assert.Equal(t, "(1,2,"+more+")",
		one[string](d, "SELECT toString((a, b, mapSort(more))) FROM "+d.containers()+" WHERE container_id = 'x'"))
	assert.Equal(t, "(9,nan,{})",
		one[string](d, "SELECT toString((a, b, more)) FROM "+d.containers()+" WHERE container_id = 'y'"))
}

func testConcurrentExporters(t *testing.T, d *database) {
	const exporters, features = 4, 40
	var wait sync.WaitGroup
	for i := range exporters {
		e := start(t, d.config())
		metrics := pmetric.NewMetrics()
		for f := range features {
			// The names collide: two features for each, and each exporter sees them in another order.
			n := (f + i*7) % features
			addGauge(metrics, fmt.Sprintf("c%d", i), collidingName(n), at(1_800_000_000), float64(n+1))
		}
		wait.Go(func() {
			assert.Eventually(t, func() bool { return e.consume(context.Background(), metrics) == nil },
				time.Minute, 10*time.Millisecond)
		})
	}
	wait.Wait()
	for i := range exporters {
		row := readFeatures(t, d, fmt.Sprintf("container_id = 'c%d'", i))
		for n := range features {
			key := feature.Key(collidingName(n), attributesOf())
			assert.Equal(t, float64(n+1), row[key], "exporter %d, %s", i, key)
		}
	}
	assert.Equal(t, uint64(features), one[uint64](d, "SELECT count() FROM system.columns WHERE database = "+quoteText(d.name)+
		" AND table = 'container_samples' AND type = 'Float64'"))
}

// collidingName returns names of which each two have the same feature name.
func collidingName(n int) string { return fmt.Sprintf("x%sy.%d", []string{".", "_"}[n%2], n/2) }

func testChangedType(t *testing.T, d *database) {
	e := start(t, d.config())
	require.NoError(t, e.consume(t.Context(), gauge("c", "a", at(1_800_000_000), 1)))
	d.exec("ALTER TABLE " + d.containers() + " MODIFY COLUMN a Float32")
	metrics := gauge("c", "a", at(1_800_000_001), 2)
	if err := e.consume(t.Context(), metrics); err != nil {
		require.False(t, consumererror.IsPermanent(err), "%v", err)
		require.NoError(t, e.consume(t.Context(), metrics))
	}
	assert.Equal(t, 2.0, one[float64](d, "SELECT a_"+feature.Hash("a")+" FROM "+d.containers()+" ORDER BY ts DESC LIMIT 1"))
}

// readFeatures returns the values of the only row, by key of the feature as the columns' comments have it.
func readFeatures(t testing.TB, d *database, where string) map[string]float64 {
	rows, err := d.conn.Query(t.Context(), "SELECT * FROM "+d.containers()+" WHERE "+where)
	require.NoError(t, err)
	defer rows.Close()
	require.True(t, rows.Next(), "no row %s", where)
	values := make([]any, len(rows.Columns()))
	for i, kind := range rows.ColumnTypes() {
		values[i] = newOf(kind.ScanType())
	}
	require.NoError(t, rows.Scan(values...))
	require.False(t, rows.Next(), "two rows %s", where)
	named := map[string]float64{}
	for i, name := range rows.Columns() {
		if value, ok := values[i].(*float64); ok && !math.IsNaN(*value) {
			named[name] = *value
		}
	}
	byKey := map[string]float64{}
	comments, err := d.conn.Query(t.Context(), "SELECT name, comment FROM system.columns "+
		"WHERE table = 'container_samples' AND database = "+quoteText(d.name))
	require.NoError(t, err)
	defer comments.Close()
	for comments.Next() {
		var name, comment string
		require.NoError(t, comments.Scan(&name, &comment))
		if f, ok := ParseFeature(comment); ok {
			if value, ok := named[name]; ok {
				byKey[f.Key()] = value
			}
		}
	}
	return byKey
}
