// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/entity"
)

func testStoredAgain(t *testing.T, d *database) {
	metrics := newFleet(50, 6).tick(time.Unix(1_800_000_000, 0))
	require.NoError(t, start(t, d.config()).consume(t.Context(), metrics))
	restarted := start(t, d.config())
	require.NoError(t, restarted.consume(t.Context(), metrics))
	assert.Equal(t, uint64(50), one[uint64](d, "SELECT count() FROM "+d.containers()))

	// A column that is made between two attempts changes nothing.
	require.NoError(t, restarted.consume(t.Context(), gauge("new", "another.feature", at(1_800_000_000), 1)))
	require.NoError(t, restarted.consume(t.Context(), metrics))
	assert.Equal(t, uint64(51), one[uint64](d, "SELECT count() FROM "+d.containers()))
}

func testTokenWithoutRows(t *testing.T, d *database) {
	e := start(t, d.config())
	metrics := gauge("c", "a", at(1_800_000_000), 1)
	require.NoError(t, e.consume(t.Context(), metrics))
	d.exec("ALTER TABLE " + d.containers() + " DELETE WHERE 1 SETTINGS mutations_sync = 1") // the token stays on record
	for range 2 {
		require.NoError(t, e.consume(t.Context(), metrics))
		assert.Equal(t, uint64(1), one[uint64](d, "SELECT count() FROM "+d.containers()))
	}
}

func testRowsWithoutToken(t *testing.T, d *database) {
	e := start(t, d.config())
	metrics := gauge("c", "a", at(1_800_000_000), 1)
	require.NoError(t, e.consume(t.Context(), metrics))
	d.exec("ALTER TABLE " + d.containers() + " MODIFY SETTING non_replicated_deduplication_window = 0")
	e.keeper.unknown(tokenOf(metrics)) // as if the connection had broken before the answer
	require.NoError(t, e.consume(t.Context(), metrics))
	assert.Equal(t, uint64(1), one[uint64](d, "SELECT count() FROM "+d.containers()))
	require.NoError(t, e.consume(t.Context(), metrics))
	assert.Equal(t, uint64(2), one[uint64](d, "SELECT count() FROM "+d.containers()), "without a doubt nothing is looked for")
}

func testManyDays(t *testing.T, d *database) {
	e := start(t, d.config())
	metrics := pmetric.NewMetrics()
	for i := range int64(20) {
		addGauge(metrics, "c", "a", at(1_800_000_000+i*43_200), float64(i))
		addGauge(metrics, "d", "b", at(1_800_000_000+i*86_400), float64(100+i))
	}
	for range 2 {
		require.NoError(t, e.consume(t.Context(), metrics))
	}
	assert.Equal(t, "(40,30,190,2190,20)", one[string](d, "SELECT toString((count(), uniqExact(ts), sumIf(a, NOT isNaN(a)), "+
		"sumIf(b, NOT isNaN(b)), uniqExact(toDate(ts)))) FROM "+d.containers()))
}

// testLargeBatch stores more rows than the server puts in one block by default (1,048,449).
func testLargeBatch(t *testing.T, d *database) {
	const rows = 1_050_000
	p := newPivot()
	p.add(read(t, "testdata/scopes.otlp.json"))
	b := p.blocks[entity.Node]
	for i := 1; i < rows; i++ {
		b.set(b.used[0], b.row(p.id, 1_800_000_000_000+int64(i), 0), float64(i))
	}
	b.seal()
	e := start(t, d.config())
	var boxes texts
	for range 2 {
		require.NoError(t, e.store(t.Context(), b, &boxes))
	}
	assert.Equal(t, uint64(rows), one[uint64](d, "SELECT count() FROM "+quoteName(d.name)+".node_samples"))
}
