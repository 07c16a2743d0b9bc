// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// workload is what pods are replicas of.
type workload struct {
	namespace, name, kind string
	sidecar               bool
	// lifetime is the mean time until a pod is replaced; zero for never.
	lifetime time.Duration
}

// workloadOf returns one of the workloads of the cluster: 12 namespaces with 8 workloads each.
func workloadOf(random *rand.Rand) workload {
	namespaces := strings.Fields("shop payments search identity mail media analytics batch monitoring ingress storage ci")
	names := strings.Fields("api web worker cache gateway scheduler exporter store")
	w := workload{namespace: namespaces[random.IntN(len(namespaces))], name: names[random.IntN(len(names))]}
	switch {
	case w.namespace == "batch" || w.namespace == "ci":
		w.kind, w.lifetime = "job", 8*time.Minute
	case w.name == "store" || w.name == "cache":
		w.kind = "statefulset"
	case w.name == "exporter":
		w.kind = "daemonset"
	default:
		w.kind, w.lifetime = "deployment", 4*time.Hour
	}
	w.sidecar = w.kind == "deployment" && w.name != "worker"
	w.name = w.namespace + "-" + w.name
	return w
}

// pod is a place on a node: when its pod ends, another pod of the same workload follows.
type pod struct {
	node, slot int
	generation int
	workload   workload
	containers []*container
	end        time.Time
}

// newPod returns an empty place for at most the given number of containers.
func newPod(seed uint64, node, slot, room int) *pod {
	p := &pod{node: node, slot: slot}
	p.workload = workloadOf(p.random(seed))
	p.containers = []*container{{name: p.workload.name[strings.IndexByte(p.workload.name, '-')+1:]}}
	if p.workload.sidecar && room > 1 {
		p.containers = append(p.containers, &container{name: "proxy"})
	}
	return p
}

// random returns the generator of this pod's numbers, independent of all other pods'.
func (p *pod) random(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(p.node)<<40|uint64(p.slot)<<24|uint64(p.generation)))
}

// start lets a new pod begin just before now, or long ago if it is the first of its place.
func (p *pod) start(fleet Fleet, metrics []metric, now time.Time, first bool) {
	p.generation++
	random := p.random(fleet.Seed)
	age := fleet.Interval
	if first {
		age = 30 * 24 * time.Hour
	}
	started := now.Add(-time.Duration(random.Int64N(int64(age)))).Truncate(time.Millisecond)
	p.end = now.AddDate(1, 0, 0)
	if p.workload.lifetime > 0 {
		p.end = now.Add(time.Duration(random.ExpFloat64() * float64(p.workload.lifetime)))
	}
	common := p.attributes(started, random)
	for _, c := range p.containers {
		c.start(common, metrics, started, random)
	}
}

// attributes returns what k8sattributes knows of a pod, with the usual selection of labels.
func (p *pod) attributes(started time.Time, random *rand.Rand) pcommon.Map {
	w := p.workload
	template := fmt.Sprintf("%010x", random.Uint64N(1<<40))
	name := w.name + "-" + template[:5]
	a := pcommon.NewMap()
	a.PutStr("k8s.cluster.name", "production-1")
	a.PutStr("k8s.node.name", nodeName(p.node))
	a.PutStr("k8s.namespace.name", w.namespace)
	a.PutStr("k8s."+w.kind+".name", w.name)
	if w.kind == "deployment" {
		a.PutStr("k8s.replicaset.name", w.name+"-"+template)
		name = w.name + "-" + template + "-" + template[5:]
	}
	a.PutStr("k8s.pod.name", name)
	a.PutStr("k8s.pod.uid", uuid(random))
	a.PutStr("k8s.pod.start_time", started.UTC().Format(time.RFC3339))
	a.PutStr("k8s.pod.label.app.kubernetes.io/name", w.name)
	a.PutStr("k8s.pod.label.app.kubernetes.io/part-of", w.namespace)
	a.PutStr("service.name", w.name)
	a.PutStr("service.namespace", w.namespace)
	return a
}

func nodeName(node int) string {
	return fmt.Sprintf("ip-10-0-%d-%d.eu-central-1.compute.internal", node/16, 16*(node%16)+7)
}

func uuid(random *rand.Rand) string {
	h := fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
