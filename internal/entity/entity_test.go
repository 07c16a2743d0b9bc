// SPDX-License-Identifier: Apache-2.0

package entity

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

func of(t testing.TB, raw map[string]any) Identity {
	m := pcommon.NewMap()
	require.NoError(t, m.FromRaw(raw))
	return Of(m)
}

func TestScope(t *testing.T) {
	for _, tt := range []struct {
		name     string
		resource map[string]any
		want     Scope
	}{
		{"a host name alone is a node", map[string]any{"host.name": "a"}, Node},
		{"a Kubernetes node name alone is a node", map[string]any{"k8s.node.name": "a"}, Node},
		{"a pod UID is a pod", map[string]any{"k8s.node.name": "a", "k8s.pod.uid": "u"}, Pod},
		{"a container ID is a container", map[string]any{"host.name": "a", "container.id": "c"}, Container},
		{"a cgroup path is a container", map[string]any{"host.name": "a", CgroupPath: "/system.slice/sshd.service"}, Container},
		{"pod UID and container name are a container", map[string]any{"k8s.pod.uid": "u", "k8s.container.name": "c"}, Container},
		{"a pid is a process, wherever it runs", map[string]any{"container.id": "c", "process.pid": 1}, Process},
		{"a pid that is no number is none", map[string]any{"host.name": "a", "process.pid": "x"}, Node},
		{"anything else is other", map[string]any{"service.name": "shop"}, Other},
		{"nothing at all is other", nil, Other},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, of(t, tt.resource).Scope)
		})
	}
}

func TestHashIsStable(t *testing.T) {
	// Stored rows hold these numbers: a change here splits every entity in two.
	assert.Equal(t, uint64(0x3ec244cbbbeeace6), of(t, map[string]any{"host.name": "node-1"}).Hash)
	assert.Equal(t, uint64(0x1a4ab12c8eec9ab1), of(t, map[string]any{"container.id": "abc"}).Hash)
	assert.Equal(t, uint64(0xffef808478a50e3d), of(t, map[string]any{
		"host.name": "node-1", "process.pid": 4321, "process.creation.time": "2026-01-01T00:00:00Z",
	}).Hash)
}

func TestHashTellsEntitiesApart(t *testing.T) {
	seen := map[uint64]map[string]any{}
	for _, resource := range []map[string]any{
		{"host.name": "a"},
		{"host.name": "b"},
		{"host.name": "a", "k8s.cluster.name": "x"},
		{"k8s.pod.uid": "a"},
		{"container.id": "a"},
		{"host.name": "a", CgroupPath: "/a"},
		{"host.name": "b", CgroupPath: "/a"},
		{"k8s.pod.uid": "ab", "k8s.container.name": "c"},
		{"k8s.pod.uid": "a", "k8s.container.name": "bc"},
		{"host.name": "a", "process.pid": 1, "process.creation.time": "2026-01-01T00:00:00Z"},
		{"host.name": "a", "process.pid": 1, "process.creation.time": "2026-01-01T00:00:01Z"},
		{"host.name": "a", "process.pid": 2, "process.creation.time": "2026-01-01T00:00:00Z"},
		{"service.name": "a"},
		{"service.name": "b"},
		{"service": "name"},
	} {
		hash := of(t, resource).Hash
		assert.NotContains(t, seen, hash, "%v and %v", resource, seen[hash])
		seen[hash] = resource
	}
}

func TestHashDoesNotChangeWithWhatElseIsKnown(t *testing.T) {
	bare := of(t, map[string]any{"container.id": "c"})
	rich := of(t, map[string]any{"container.id": "c", "k8s.pod.name": "p", "host.name": "h", "k8s.pod.uid": "u"})
	assert.Equal(t, bare.Hash, rich.Hash)
	assert.Equal(t,
		of(t, map[string]any{"host.name": "h", "k8s.node.name": "n"}).Hash,
		of(t, map[string]any{"k8s.node.name": "n"}).Hash, "the Kubernetes name goes before the host name")
}

func TestWorkloadIsTheOutermostOwner(t *testing.T) {
	id := of(t, map[string]any{"k8s.replicaset.name": "shop-7f", "k8s.deployment.name": "shop"})
	assert.Equal(t, []string{"shop", "Deployment"}, []string{id.Workload, id.WorkloadKind})
	id = of(t, map[string]any{"k8s.job.name": "backup-1", "k8s.cronjob.name": "backup"})
	assert.Equal(t, []string{"backup", "CronJob"}, []string{id.Workload, id.WorkloadKind})
	id = of(t, map[string]any{"k8s.job.name": "backup-1"})
	assert.Equal(t, []string{"backup-1", "Job"}, []string{id.Workload, id.WorkloadKind})
}

func TestImageTagFromASliceOrAString(t *testing.T) {
	assert.Equal(t, "1.2", of(t, map[string]any{"container.image.tags": []any{"1.2", "latest"}}).ImageTag)
	assert.Equal(t, "1.2", of(t, map[string]any{"container.image.tag": "1.2"}).ImageTag)
}

func TestHolds(t *testing.T) {
	node := map[string]any{"host.name": "n", "container.image.name": "shop"}
	container := map[string]any{
		"host.name": "h", "k8s.node.name": "n", "container.id": "c", "container.name": "c1", "k8s.container.name": "c2",
		"k8s.deployment.name": "shop", "k8s.replicaset.name": "shop-7f", "k8s.pod.name": 7, "process.executable.name": "x",
	}
	for _, tt := range []struct {
		name      string
		resource  map[string]any
		attribute string
		want      bool
	}{
		{"the node's name", node, "host.name", true},
		{"nothing of a container in a node", node, "container.image.name", false},
		{"a name of the node that lost to another", container, "host.name", false},
		{"the name that won", container, "k8s.node.name", true},
		{"a container name that lost to another", container, "container.name", false},
		{"the container ID", container, "container.id", true},
		{"the outermost owner", container, "k8s.deployment.name", true},
		{"no owner below it", container, "k8s.replicaset.name", false},
		{"nothing that is of another type", container, "k8s.pod.name", false},
		{"nothing of a process in a container", container, "process.executable.name", false},
		{"the only tag of an image", map[string]any{"container.id": "c", "container.image.tags": []any{"1"}}, "container.image.tags", true},
		{"not the first of two tags", map[string]any{"container.id": "c", "container.image.tags": []any{"1", "2"}}, "container.image.tags", false},
		{"the pid", map[string]any{"process.pid": 1}, "process.pid", true},
		{"no pid that is text", map[string]any{"host.name": "n", "process.pid": "1"}, "process.pid", false},
		{"nothing that it has never heard of", container, "service.name", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := pcommon.NewMap()
			require.NoError(t, m.FromRaw(tt.resource))
			id := Of(m)
			value, ok := m.Get(tt.attribute)
			if !ok {
				value = pcommon.NewValueStr("x")
			}
			assert.Equal(t, tt.want, id.Holds(tt.attribute, value))
		})
	}
}

func TestOfAllocatesNothing(t *testing.T) {
	m := pcommon.NewMap()
	require.NoError(t, m.FromRaw(map[string]any{
		"host.name": "n", "k8s.pod.uid": "u", "k8s.deployment.name": "d", "container.id": "c", "process.pid": 4321,
		"process.creation.time": "2026-01-01T00:00:00Z",
	}))
	assert.Zero(t, testing.AllocsPerRun(100, func() { Of(m) }))
}

func TestMergeAddsWhatIsNotKnown(t *testing.T) {
	id := of(t, map[string]any{"container.id": "c", "host.name": "h"})
	other := of(t, map[string]any{
		"container.id": "c", "host.name": "other", "k8s.pod.name": "p", "k8s.job.name": "j", "k8s.cluster.name": "x",
	})
	id.Merge(&other)
	assert.Equal(t, []string{"h", "p", "j", "Job", "x"}, []string{id.Node, id.Pod, id.Workload, id.WorkloadKind, id.Cluster})
	assert.Equal(t, other.Hash, id.Hash)
}
