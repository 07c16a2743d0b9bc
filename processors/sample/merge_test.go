// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestQualityBecomesOne(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		h.send(metrics(func(md pmetric.Metrics) {
			resource(md, scopeResource, at(1), "host.name", "n").quality(1<<28|1, 2.5, 0, 3).gauge("system.load", 1.0)
		}))
		h.send(metrics(func(md pmetric.Metrics) {
			resource(md, scopeSecurity, at(1), "host.name", "n").quality(1<<34, 7.25, 1, 2).sum("nodesec.exec", 4, 5).
				gauge("nodesec.quality.lost", 6).gauge("nodesec.quality.attribution", 1)
		}))
		rm := h.takeOne()
		assert.Equal(t, map[string]float64{
			"system.load": 1, "nodesec.exec{kind=k0}": 4, "nodesec.exec{kind=k1}": 5,
			"nodesec.quality.missing": 1<<28 | 1<<34 | 1, "nodesec.quality.skew_ms": 7.25, "nodesec.quality.first": 1,
			"nodesec.quality.missed_ticks": 3, "nodesec.quality.lost": 6, "nodesec.quality.attribution": 1,
			"nodesec.quality.partial": 0,
		}, values(rm))
		assert.Len(t, pointsOf(rm), 10, "each once")
		assert.Equal(t, 3, rm.ScopeMetrics().Len())
		assert.Equal(t, 5, rm.ScopeMetrics().At(0).Metrics().Len(), "those of the first source hold what became one")
		assert.Equal(t, 3, rm.ScopeMetrics().At(1).Metrics().Len())
		assert.Zero(t, h.value("sample_duplicate_points"))
	})
}

func TestCombine(t *testing.T) {
	for _, tt := range []struct {
		name   string
		kind   int
		to     any
		from   any
		want   float64
		double bool
	}{
		{"bits are joined", qualityMissing, 5, 10, 15, false},
		{"the larger one of ints stays", qualityMissedTicks, 5, 3, 5, false},
		{"the larger one of ints comes", qualityMissedTicks, 3, 5, 5, false},
		{"the larger one of doubles comes", qualitySkew, -2.5, -1.5, -1.5, true},
		{"a double larger than an int makes it one", qualityFirst, 0, 0.5, 0.5, true},
		{"a smaller double changes nothing", qualityFirst, 1, 0.5, 1, false},
		{"counts add up", qualityLost, 2, 3, 5, false},
		{"counts of different types add up", qualityLost, 2, 3.5, 5.5, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := resource(pmetric.NewMetrics(), "x", at(1)).gauge("to", tt.to).gauge("from", tt.from)
			to := b.sm.Metrics().At(0).Gauge().DataPoints().At(0)
			combine(tt.kind, to, b.sm.Metrics().At(1).Gauge().DataPoints().At(0))
			assert.InDelta(t, tt.want, number(to), 0)
			assert.Equal(t, tt.double, to.ValueType() == pmetric.NumberDataPointValueTypeDouble)
		})
	}
}

func TestQualityOfAnotherShapeIsAMetricLikeOthers(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		odd := func(scope string) pmetric.Metrics {
			return metrics(func(md pmetric.Metrics) {
				b := resource(md, scope, at(1), "host.name", "n").gauge("nodesec.quality.missing", 1.5)
				b.gauge("nodesec.quality.first", 1, "of", scope).gauge("nodesec.quality.lost", nil)
				b.sm.Metrics().AppendEmpty().SetName("nodesec.quality.skew_ms")
			})
		}
		h.send(odd(scopeResource))
		h.send(odd(scopeSecurity))
		rm := h.takeOne()
		assert.Equal(t, map[string]float64{
			"nodesec.quality.missing": 1.5, "nodesec.quality.lost": 0, "nodesec.quality.partial": 0,
			"nodesec.quality.first{of=" + scopeResource + "}": 1, "nodesec.quality.first{of=" + scopeSecurity + "}": 1,
		}, values(rm))
		assert.Len(t, pointsOf(rm), 5)
	})
}

func TestAttributesAreUnited(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		h.send(metrics(func(md pmetric.Metrics) {
			resource(md, scopeResource, at(1), "container.id", "c", "a", "first", "b", "", "c", nil).gauge("x", 1)
		}))
		h.send(metrics(func(md pmetric.Metrics) {
			resource(md, scopeSecurity, at(1), "container.id", "c", "a", "second", "b", "filled", "c", 7, "d", "new").
				gauge("y", 1)
		}))
		assert.Equal(t, map[string]any{
			"container.id": "c", "a": "first", "b": "filled", "c": int64(7), "d": "new",
		}, h.takeOne().Resource().Attributes().AsRaw())
	})
}

func TestTooManyAttributesAreNotUnited(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		for i, scope := range []string{scopeResource, scopeSecurity} {
			h.send(metrics(func(md pmetric.Metrics) {
				b := resource(md, scope, at(1), "container.id", "c").gauge(scope, 1)
				_ = b
				for n := range 200 {
					md.ResourceMetrics().At(0).Resource().Attributes().PutStr(fmt.Sprint(i, "-", n), "")
				}
			}))
		}
		assert.Equal(t, maxAttributes, h.takeOne().Resource().Attributes().Len())
	})
}

func TestTheFirstOfTwoEqualPointsIsKept(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		h.send(metrics(func(md pmetric.Metrics) {
			resource(md, scopeResource, at(1), "host.name", "n").sum("shared", 1, 2).gauge("both", 1.5).
				gauge("histogram", 9, "z", "1")
		}))
		h.send(metrics(func(md pmetric.Metrics) {
			b := resource(md, scopeSecurity, at(1), "host.name", "n").sum("shared", 7, 8, 3).sum("own", 4)
			b.gauge("both", 7)
			m := b.sm.Metrics().AppendEmpty()
			m.SetName("histogram")
			p := m.SetEmptyHistogram().DataPoints().AppendEmpty()
			p.SetTimestamp(at(1))
			p.Attributes().PutStr("z", "1")
			p.SetSum(5)
		}))
		rm := h.takeOne()
		points := pointsOf(rm)
		assert.Len(t, points, 8)
		assert.Equal(t, 3, rm.ScopeMetrics().At(1).Metrics().Len(), "the metric that lost all its points is gone")
		got := map[string][]float64{}
		for _, p := range points {
			got[p.Key] = append(got[p.Key], p.Value)
		}
		assert.Equal(t, map[string][]float64{
			"shared{kind=k0}": {1}, "shared{kind=k1}": {2}, "shared{kind=k2}": {3}, "own{kind=k0}": {4}, "both": {1.5},
			"histogram{z=1}": {9, 5}, "nodesec.quality.partial": {0},
		}, got)
		assert.Equal(t, int64(3), h.value("sample_duplicate_points"))
	})
}

func TestARepeatedPartAddsNothing(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		part := func() pmetric.Metrics {
			return metrics(func(md pmetric.Metrics) {
				resource(md, scopeSecurity, at(1), "host.name", "n").gauge("nodesec.quality.lost", 6).sum("nodesec.exec", 1)
			})
		}
		h.send(part())
		h.send(part())
		h.send(one(scopeResource, at(1), "node n"))
		rm := h.takeOne()
		assert.Equal(t, "node n @1: nodesecurity noderesource, partial 0", line(rm))
		assert.InDelta(t, 6, values(rm)["nodesec.quality.lost"], 0)
		assert.Equal(t, int64(2), h.value("sample_duplicate_points"))
	})
}

func TestPartsThatShareAResourceAreAssembledToo(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		md := noderesource(at(1), 1, 0)
		nodesecurity(at(1), 1).ResourceMetrics().At(0).ScopeMetrics().MoveAndAppendTo(md.ResourceMetrics().At(0).ScopeMetrics())
		md.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool { return rm.ScopeMetrics().Len() < 2 })
		h.send(md)
		rm := h.takeOne()
		assert.InDelta(t, 1<<28|1<<34, values(rm)["nodesec.quality.missing"], 0)
		assert.Len(t, pointsOf(rm), len(values(rm)), "each once")
	})
}

// TestOurReceivers uses what noderesource and nodesecurity measure, in shape and number.
func TestOurReceivers(t *testing.T) {
	run(t, nil, func(h *harness) {
		for tick := 1; tick <= 3; tick++ {
			h.sleep(time.Second)
			in := noderesource(at(float64(tick)), 3, 2).DataPointCount() + nodesecurity(at(float64(tick)), 3).DataPointCount()
			h.send(noderesource(at(float64(tick)), 3, 2))
			h.send(nodesecurity(at(float64(tick)), 3))
			out, samples := 0, 0
			for _, md := range h.take() {
				out += md.DataPointCount()
				samples += md.ResourceMetrics().Len()
			}
			assert.Equal(t, 2+3+1+1, samples)
			assert.Equal(t, in-4*4+samples, out, "quality became one for three containers and the node, and says partial")
		}
		assert.Equal(t, int64(3), h.value("sample_partial"), "what runs in no container is not known to noderesource")
		assert.Equal(t, int64(3*3), h.value("sample_ticks", "complete"))
		assert.Zero(t, h.value("sample_snapped_points"))
		assert.Zero(t, h.value("sample_duplicate_points"))
	})
}
