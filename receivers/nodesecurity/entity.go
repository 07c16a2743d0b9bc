// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/nodesec/nodesec/receivers/internal/cgroup"
	"github.com/nodesec/nodesec/receivers/internal/cri"
	"github.com/nodesec/nodesec/receivers/internal/tick"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/metadata"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/posture"
)

// entity is a container or the node, and what the receiver remembers of it between two samples. Times are time since
// boot.
type entity struct {
	resource pcommon.Resource
	// container is nil for the node and for all that runs in no container.
	container *cgroup.Container
	// begun is when counting for it began: its birth, or that of the receiver.
	begun time.Duration
	// read is when its previous sample was read, tick that sample's tick; zero before the first.
	read time.Duration
	tick time.Time
	// byNews says that no directory of the container was ever listed: it was born and died between two ticks.
	byNews bool
	// active says that something was counted in this tick.
	active bool

	activity activity
	totals   totals
	posture  posture.Container
	facts    []posture.Fact
	shown    *shown // the facts in a sample; nil before the first since they were read
	// postureRead is when the posture was read; zero before.
	postureRead time.Duration
}

// window is the time from the previous sample, or from when counting began, to now.
func (e *entity) window(now time.Duration, cumulative bool) time.Duration {
	if e.read > 0 && !cumulative {
		return now - e.read
	}
	return max(now-e.begun, 0)
}

// quality says how good a sample is.
type quality struct {
	tick    tick.Tick
	skew    time.Duration
	missing int64
}

// write writes the quality of the entity's sample and notes that there was one.
func (e *entity) write(w *writer, q quality, now time.Duration) {
	first, missed := int64(0), int64(0)
	if e.tick.IsZero() {
		first = 1
	} else {
		missed = max(0, int64(q.tick.Time.Sub(e.tick)/q.tick.Interval)-1)
	}
	w.gauge("nodesec.quality.first", first)
	w.gauge("nodesec.quality.missed_ticks", missed)
	w.gauge("nodesec.quality.missing", q.missing)
	w.double("nodesec.quality.skew_ms", float64(q.skew)/float64(time.Millisecond))
	if e.container != nil {
		byNews := int64(0)
		if e.byNews {
			byNews = 1
		}
		w.gauge("nodesec.quality.attribution", byNews)
	}
	w.leftOut()
	e.read, e.tick = now, q.tick.Time
}

// names are those of the node, in every resource; empty if unknown.
type names struct {
	attributes metadata.ResourceAttributesConfig
	host, node string
	runtime    *cri.Containers
}

func (n *names) builder() *metadata.ResourceBuilder {
	rb := metadata.NewResourceBuilder(n.attributes)
	if n.host != "" {
		rb.SetHostName(n.host)
	}
	if n.node != "" {
		rb.SetK8sNodeName(n.node)
	}
	return rb
}

// container is the resource of a container. It must be what noderesource says of it, so that both are one entity.
func (n *names) container(c *cgroup.Container) pcommon.Resource {
	rb, known := n.builder(), n.runtime.Of(c.ContainerID)
	for _, attribute := range []struct {
		value string
		set   func(string)
	}{
		{known.Kind, rb.SetNodesecContainerKind},
		{known.Namespace, rb.SetK8sNamespaceName},
		{known.Pod, rb.SetK8sPodName},
		{known.Name, rb.SetK8sContainerName},
		{known.Image, rb.SetContainerImageName},
		{known.Tag, rb.SetContainerImageTag},
		{c.ContainerID, rb.SetContainerID},
		{strings.ToValidUTF8(c.Name, "�"), rb.SetContainerName},
		{c.Runtime, rb.SetContainerRuntimeName},
		{c.PodUID, rb.SetK8sPodUID},
		{c.QoS, rb.SetNodesecPodQosClass},
		{strings.ToValidUTF8(c.Path, "�"), rb.SetNodesecCgroupPath},
	} {
		if attribute.value != "" {
			attribute.set(attribute.value)
		}
	}
	return rb.Emit()
}

// outside is the resource of all that runs in no container.
func (n *names) outside() pcommon.Resource {
	rb := n.builder()
	rb.SetNodesecCgroupPath("/")
	return rb.Emit()
}
