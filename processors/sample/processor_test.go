// SPDX-License-Identifier: Apache-2.0

package sample

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestATickIsEmittedWhenAllSourcesHaveReportedIt(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		h.send(one(scopeResource, at(1), "container a", "container b", "node n"))
		h.expect()
		assert.Equal(t, int64(3), h.value("sample_entities_held"))
		h.send(one(scopeSecurity, at(1), "container b", "container c", "node n"))
		h.expect(
			"node n @1: noderesource nodesecurity, partial 0",
			"container a @1: noderesource, partial 1",
			"container b @1: noderesource nodesecurity, partial 0",
			"container c @1: nodesecurity, partial 1",
		)
		assert.Zero(t, h.value("sample_entities_held"))
		assert.Equal(t, int64(2), h.value("sample_ticks", "complete"))
		assert.Equal(t, int64(4), h.value("sample_samples"))
		assert.Equal(t, int64(2), h.value("sample_partial"))
	})
}

func TestProcessesWaitForTheirOwnSourceOnly(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		h.send(one(scopeResource, at(1), "process x", "node n"))
		h.expect("process 1 @1: noderesource, partial 0")
	})
}

func TestASourceThatHasNothingOfAKindHasReportedTheTickToo(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		h.send(one(scopeSecurity, at(1), "node n"))
		h.send(one(scopeResource, at(1), "container a", "node n"))
		h.expect("node n @1: nodesecurity noderesource, partial 0", "container a @1: noderesource, partial 1")
	})
}

func TestATickIsEmittedAfterTheWait(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		h.send(one(scopeResource, at(1), "container a"))
		h.sleep(499 * time.Millisecond)
		h.expect()
		h.sleep(time.Millisecond)
		h.expect("container a @1: noderesource, partial 1")
		assert.Equal(t, int64(1), h.value("sample_ticks", "wait"))
	})
}

func TestATickIsEmittedWhenALaterOneOfAllSourcesHasCome(t *testing.T) {
	run(t, func(c *Config) { c.Wait = time.Minute }, func(h *harness) {
		time.Sleep(time.Second)
		h.send(one(scopeResource, at(1), "container a"))
		h.send(one(scopeSecurity, at(2), "container a")) // it left out 1
		h.expect("container a @1: noderesource, partial 1")
		h.send(one(scopeResource, at(2), "container a"))
		h.expect("container a @2: nodesecurity noderesource, partial 0")
	})
}

func TestKindsWithoutSourcesAreHeldForAllOfTheWait(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		h.send(one(scopeResource, at(1), "node n"))
		h.send(one(scopeSecurity, at(1), "node n"))
		h.expect("node n @1: noderesource nodesecurity, partial 0")
		h.send(one(scopeKubelet, at(1), "pod p"))
		h.send(one("x", at(1), "pod p"))
		h.expect()
		h.sleep(500 * time.Millisecond)
		h.expect("pod p @1: kubeletstatsreceiver x")
	})
}

func TestLatePartsPassAtOnce(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		h.send(one(scopeResource, at(1), "container a"))
		h.sleep(500 * time.Millisecond)
		h.expect("container a @1: noderesource, partial 1")
		late := one(scopeSecurity, at(1), "container a", "container b")
		one(scopeSecurity, at(1), "container a").ResourceMetrics().MoveAndAppendTo(late.ResourceMetrics())
		h.send(late)
		h.expect("container a @1: nodesecurity, partial 1", "container b @1: nodesecurity, partial 1")
		assert.Equal(t, int64(2), h.value("sample_late", "container"))
		assert.Equal(t, int64(1), h.value("sample_duplicate_points"))
	})
}

func TestATickOlderThanTheLatestEmittedIsLate(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(3 * time.Second)
		h.send(one(scopeResource, at(3), "process x"))
		h.send(one(scopeResource, at(2), "process x"))
		h.expect("process 1 @3: noderesource, partial 0", "process 1 @2: noderesource, partial 1")
	})
}

func TestTicksLeaveInOrderWhateverTheOrderOfArrival(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(3 * time.Second)
		h.send(one(scopeResource, at(3), "container a"))
		h.send(one(scopeResource, at(1), "container a"))
		h.send(one(scopeResource, at(2), "container a"))
		h.expect()
		h.send(one(scopeSecurity, at(3), "container a"))
		h.expect(
			"container a @1: noderesource, partial 1",
			"container a @2: noderesource, partial 1",
			"container a @3: noderesource nodesecurity, partial 0",
		)
	})
}

func TestWhatIsFarFromThePresentPassesAsItCame(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(100 * time.Second)
		h.send(one(scopeResource, at(100-61), "process x"))
		h.send(one(scopeResource, at(100+61), "process x"))
		h.send(one(scopeResource, at(100+61.5), "process x"))
		h.send(one(scopeResource, 0, "process x"))
		h.send(one(scopeResource, math.MaxUint64, "process x"))
		h.send(metrics(func(md pmetric.Metrics) { resource(md, scopeResource, 0, "host.name", "empty") }))
		handed := h.take()
		require.Len(t, handed, 6)
		assert.Equal(t, "process 1 @39: noderesource", line(handed[0].ResourceMetrics().At(0)))
		assert.Equal(t, "process 1 @161: noderesource", line(handed[1].ResourceMetrics().At(0)))
		assert.Equal(t, "process 1 @161.5: noderesource", line(handed[2].ResourceMetrics().At(0)))
		assert.Equal(t, int64(1), h.value("sample_out_of_range", "past"))
		assert.Equal(t, int64(3), h.value("sample_out_of_range", "future"))
		assert.Equal(t, int64(2), h.value("sample_out_of_range", "none"))
		h.send(one(scopeResource, at(100), "process x"))
		h.expect("process 1 @100: noderesource, partial 0")
	})
}

func TestTheOldestTicksGoFirstWhenTooMuchIsHeld(t *testing.T) {
	run(t, func(c *Config) { c.MaxEntities, c.Wait = 3, time.Minute }, func(h *harness) {
		time.Sleep(3 * time.Second)
		h.send(one(scopeResource, at(2), "container a", "container b"))
		h.send(one(scopeSecurity, at(1), "node n"))
		h.expect()
		h.send(one(scopeResource, at(3), "container a"))
		h.expect("node n @1: nodesecurity, partial 1")
		h.send(one(scopeResource, at(4), "container a", "container b"))
		h.expect("container a @2: noderesource, partial 1", "container b @2: noderesource, partial 1")
		h.send(one(scopeResource, at(5), "container a", "container b", "container c", "container d"))
		h.expect(
			"container a @3: noderesource, partial 1",
			"container a @4: noderesource, partial 1", "container b @4: noderesource, partial 1",
			"container a @5: noderesource, partial 1", "container b @5: noderesource, partial 1",
			"container c @5: noderesource, partial 1", "container d @5: noderesource, partial 1",
		)
		assert.Equal(t, int64(4), h.value("sample_ticks", "full"))
	})
}

func TestShutdownEmitsWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, nil)
		time.Sleep(time.Second)
		h.send(one(scopeResource, at(2), "container a"))
		h.send(one(scopeResource, at(1), "container a"))
		require.NoError(t, h.p.Shutdown(t.Context()))
		require.NoError(t, h.p.Shutdown(t.Context()), "again")
		h.expect("container a @1: noderesource, partial 1", "container a @2: noderesource, partial 1")

		again := newHarness(t, nil) // restarted within the tick
		again.send(one(scopeSecurity, at(2), "container a"))
		require.NoError(t, again.p.Shutdown(t.Context()))
		again.expect("container a @2: nodesecurity, partial 1")
		assert.Equal(t, int64(1), again.value("sample_ticks", "shutdown"))
	})
}

func TestShutdownWithoutStart(t *testing.T) {
	h := newHarness(t, nil)
	require.NoError(t, h.p.Shutdown(t.Context()))
	h.send(one(scopeResource, at(1), "container a")) // not allowed, but nothing is lost
	assert.Len(t, h.take(), 1)
}

func TestTheClockIsSetBack(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(50 * time.Second)
		h.send(one(scopeResource, at(50), "container a"))
		h.offset.Add(int64(-30 * time.Second))
		h.send(one(scopeResource, at(20), "container a"))
		h.expect("container a @50: noderesource, partial 1")
		h.send(one(scopeSecurity, at(20), "container a"))
		h.expect("container a @20: noderesource nodesecurity, partial 0")
		assert.Equal(t, int64(1), h.value("sample_ticks", "clock"))
		assert.Zero(t, h.value("sample_late"))
	})
}

func TestTheClockIsSetForward(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		h.send(one(scopeResource, at(1), "container a"))
		h.offset.Add(int64(time.Hour))
		h.send(one(scopeResource, at(3601), "container a"))
		h.send(one(scopeSecurity, at(3601), "container a"))
		h.expect("container a @1: noderesource, partial 1", "container a @3601: noderesource nodesecurity, partial 0")
	})
}

func TestErrorsGoToWhoCompletesATick(t *testing.T) {
	run(t, nil, func(h *harness) {
		time.Sleep(time.Second)
		h.fail = errors.New("queue is full")
		require.NoError(t, h.p.ConsumeMetrics(h.t.Context(), one(scopeResource, at(1), "container a", "container b")))
		err := h.p.ConsumeMetrics(h.t.Context(), one(scopeSecurity, at(1), "container a"))
		require.ErrorIs(t, err, h.fail)
		assert.EqualError(t, err, "hand on 2 samples: queue is full")
		assert.Equal(t, int64(2), h.value("sample_failed"))

		h.send(one(scopeResource, at(2), "container a"))
		h.sleep(time.Second) // by time: logged
		assert.Equal(t, int64(3), h.value("sample_failed"))
		h.fail = nil
		h.send(one(scopeSecurity, at(1), "container a")) // sent again
		h.expect("container a @1: nodesecurity, partial 1")
	})
}

func TestACallWaitsNoLongerThanItsContext(t *testing.T) {
	run(t, nil, func(h *harness) {
		require.NoError(t, h.p.acquire(h.t.Context()))
		ctx, cancel := context.WithTimeout(h.t.Context(), time.Second)
		defer cancel()
		err := h.p.ConsumeMetrics(ctx, one(scopeResource, at(1), "container a"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		h.p.release()
	})
}

func TestConcurrentCallsLoseNothing(t *testing.T) {
	run(t, func(c *Config) { c.Sources.Node = []string{"a0", "a1", "a2", "a3"} }, func(h *harness) {
		time.Sleep(10 * time.Second)
		var calls sync.WaitGroup
		for source := range 4 {
			calls.Go(func() {
				for tick := range 50 {
					_ = h.p.ConsumeMetrics(h.t.Context(), one(fmt.Sprint("a", source), at(float64(tick)), "node n", "node m"))
				}
			})
		}
		calls.Wait()
		h.sleep(time.Second)
		parts := 0
		for _, md := range h.take() {
			for _, rm := range md.ResourceMetrics().All() {
				parts += rm.ScopeMetrics().Len() - 1 // our own
			}
		}
		assert.Equal(t, 4*50*2, parts)
	})
}
