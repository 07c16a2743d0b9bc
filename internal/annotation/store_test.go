// SPDX-License-Identifier: Apache-2.0

package annotation

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/internal/clickhouse"
	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
)

func newStore(t *testing.T) Store {
	s := Store{
		Client:   clickhouse.Client{URL: embeddedtest.Shared(t).HTTPURL()},
		Database: fmt.Sprintf("annotations`'%d", time.Now().UnixNano()),
	}
	require.NoError(t, s.Create(t.Context()))
	t.Cleanup(func() {
		text := "DROP DATABASE " + clickhouse.Name(s.Database) + " SYNC"
		require.NoError(t, s.Client.Exec(context.Background(), clickhouse.Query{Text: text}))
	})
	return s
}

func TestStoreKeepsEverything(t *testing.T) {
	s := newStore(t)
	want := full()
	want[1].End = want[1].Start.Add(time.Microsecond)
	require.NoError(t, s.Insert(t.Context(), want))
	got, err := s.List(t.Context(), Filter{All: true})
	require.NoError(t, err)
	assert.ElementsMatch(t, want, got)
}

func TestRetractedIsNotListed(t *testing.T) {
	s := newStore(t)
	require.NoError(t, s.Insert(t.Context(), []Annotation{window("a", 0, 1, nil), window("b", 0, 1, nil)}))
	require.NoError(t, s.Retract(t.Context(), []string{"a"}, "me", "wrong host"))

	got, err := s.List(t.Context(), Filter{})
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, "b", got[0].ID)
	all, err := s.List(t.Context(), Filter{All: true})
	require.NoError(t, err)
	assert.Len(t, all, 3)

	require.ErrorContains(t, s.Retract(t.Context(), []string{"b", "a"}, "", ""), "a: no such annotation, or it is retracted")
	got, err = s.List(t.Context(), Filter{})
	require.NoError(t, err)
	assert.Len(t, got, 1, "nothing is retracted if one can't be")
}

func TestInsertAllOrNoneAndOnce(t *testing.T) {
	s := newStore(t)
	bad := []Annotation{window("a", 0, 1, nil), window("b", 1, 0, nil)}
	require.ErrorContains(t, s.Insert(t.Context(), bad), "annotation 2 (b)")
	good := []Annotation{window("a", 0, 1, nil), window("b", 0, 1, nil)}
	require.NoError(t, s.Insert(t.Context(), good))
	require.NoError(t, s.Insert(t.Context(), good), "again")
	rows, err := clickhouse.One[struct{ N int }](t.Context(), s.Client, clickhouse.Query{Text: "SELECT count() AS N FROM " + s.name()})
	require.NoError(t, err)
	assert.Equal(t, 2, rows.N)

	added, err := s.Import(t.Context(), append(good, window("c", 0, 1, nil)))
	require.NoError(t, err)
	require.Len(t, added, 1)
	assert.Equal(t, "c", added[0].ID)
}

func TestListFilters(t *testing.T) {
	s := newStore(t)
	require.NoError(t, s.Insert(t.Context(), []Annotation{
		window("a", 0, 10, func(a *Annotation) { a.Run = "x' OR 1 --" }),
		window("b", 10, 20, func(a *Annotation) { a.Label = Benign }),
	}))
	for _, tt := range []struct {
		name   string
		filter Filter
		want   string
	}{
		{"by run, however it is called", Filter{Run: "x' OR 1 --"}, "a"},
		{"by label", Filter{Label: Benign}, "b"},
		{"windows before a time", Filter{To: noon.Add(10 * time.Second)}, "a"},
		{"windows after a time", Filter{From: noon.Add(10 * time.Second)}, "b"},
		{"no technique", Filter{Technique: "T1059"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, err := s.List(t.Context(), tt.filter)
			require.NoError(t, err)
			var ids []string
			for i := range all {
				ids = append(ids, all[i].ID)
			}
			assert.Equal(t, tt.want, strings.Join(ids, " "))
		})
	}
}

func TestSchemaOfACluster(t *testing.T) {
	text := strings.Join(Schema("d", "shop"), "\n")
	for _, want := range []string{
		"`annotations_local` ON CLUSTER `shop`", "ReplicatedMergeTree", "replicated_deduplication_window = 10000",
		"Distributed('shop', 'd', 'annotations_local', cityHash64(id))",
	} {
		assert.Contains(t, text, want)
	}
}
