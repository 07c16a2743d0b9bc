// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// BenchmarkEmit writes the samples of 110 containers: what a tick costs once the counters are read.
func BenchmarkEmit(b *testing.B) {
	cfg := createDefaultConfig().(*Config)
	e := newEmitter(cfg, testCatalogue(b), "1", 0)
	n := &names{attributes: metadata.DefaultResourceAttributesConfig(), host: "node-1"}
	var entities []*entity
	for i := range 110 {
		id := strings.Repeat("0", 61) + fmt.Sprintf("%03d", i)
		c := &cgroup.Container{Identity: cgroup.Identity{Path: "/docker/" + id, ContainerID: id, Runtime: "docker"}}
		entity := &entity{container: c, resource: n.container(c)}
		for j := range 40 {
			entity.activity.counters.Syscalls[j*3] = uint32(i * j)
		}
		entity.activity.counters.Counts[probe.CountExec] = 3
		entities = append(entities, entity)
	}
	b.ReportAllocs()
	for b.Loop() {
		t := tick.Tick{Time: time.Unix(1000, 0), Interval: time.Second}
		e.begin(t.Time)
		for _, entity := range entities {
			w := e.sample(entity.resource, t.Time, &entity.totals)
			w.activity(&entity.activity, false)
			entity.write(&w, quality{tick: t}, time.Second)
		}
	}
	b.ReportMetric(float64(e.samples.DataPointCount()), "points/op")
}

// BenchmarkRefresh reads the counters of 110 containers.
func BenchmarkRefresh(b *testing.B) {
	k := newKernel(256)
	n := &names{attributes: metadata.DefaultResourceAttributesConfig(), host: "node-1"}
	a := newAttribution(k, nil, n, 0)
	for i := range 110 {
		k.in(uint64(1000 + i)).Syscalls[i] = 1
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := a.refresh(time.Second); err != nil {
			b.Fatal(err)
		}
	}
}
