// SPDX-License-Identifier: Apache-2.0

// Package entity tells what a resource is (a node, a pod, a container, a process) and which one.
package entity

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Scope is the kind of an entity. There is one table of samples for each.
type Scope uint8

// The scopes. Other is everything that names none of the four kinds: its identity is the whole set of attributes.
const (
	Node Scope = iota
	Pod
	Container
	Process
	Other
)

var scopeNames = [...]string{"node", "pod", "container", "process", "other"}

// Scopes returns all scopes.
func Scopes() []Scope { return []Scope{Node, Pod, Container, Process, Other} }

// String returns the name of the scope in lower case.
func (s Scope) String() string { return scopeNames[s] }

// CgroupPath is the attribute that identifies a container without a container ID: a systemd service or another leaf
// cgroup.
const CgroupPath = "nodesec.cgroup.path"

// Identity is what a resource says of the entity it stands for. The strings share memory with the resource.
type Identity struct {
	Scope Scope
	// Hash is the same for the same entity in every sample, on every machine and in every version of nodesec.
	Hash uint64

	Cluster, Node, Namespace, Workload, WorkloadKind, Pod, PodUID string

	Container, ContainerID, ImageName, ImageTag, Cgroup string

	PID, ParentPID                                   int64
	Created, Executable, ExecutablePath, CommandLine string
}

// Of returns the identity of the entity that the resource attributes describe. A process is known by its pid, a
// container by its ID (or cgroup path, or pod UID and name), a pod by its UID, a node by its name.
func Of(resource pcommon.Map) Identity {
	var id Identity
	var host, containerName string
	var owner workload
	hasPID := false
	for key, value := range resource.All() {
		switch key {
		case hostName:
			host = value.Str()
		case nameOfContainer:
			containerName = value.Str()
		case imageTags:
			id.ImageTag = firstString(value)
		case pid:
			id.PID, hasPID = value.Int(), value.Type() == pcommon.ValueTypeInt
		case parentPID:
			id.ParentPID = value.Int()
		default:
			if field, _ := id.field(key); field != nil {
				*field = value.Str()
			} else {
				owner.take(key, value)
			}
		}
	}
	id.Workload, id.WorkloadKind = owner.name, owner.kind
	id.Node = cmp.Or(id.Node, host)
	id.Container = cmp.Or(id.Container, containerName)
	id.Scope = id.scope(hasPID)
	id.Hash = id.hash(resource)
	return id
}

// Holds reports whether the identity tells the value of this attribute, so that it need not be kept elsewhere. An
// identity tells what contains its entity too, and not what it contains: that of a node holds no container ID.
func (id *Identity) Holds(attribute string, value pcommon.Value) bool {
	switch attribute {
	case hostName:
		return isString(value, id.Node)
	case nameOfContainer:
		return id.within(Container) && isString(value, id.Container)
	case imageTags:
		return id.within(Container) && value.Type() == pcommon.ValueTypeSlice && value.Slice().Len() == 1 &&
			isString(value.Slice().At(0), id.ImageTag)
	case pid, parentPID:
		return id.within(Process) && value.Type() == pcommon.ValueTypeInt
	}
	if field, scope := id.field(attribute); field != nil {
		return id.within(scope) && isString(value, *field)
	}
	var owner workload
	owner.take(attribute, value)
	return owner.rank > 0 && id.within(Pod) && owner.kind == id.WorkloadKind && owner.name == id.Workload
}

// Merge adds what other knows of the same entity and id does not.
func (id *Identity) Merge(other *Identity) {
	for _, field := range []struct {
		to   *string
		from string
	}{
		{&id.Cluster, other.Cluster}, {&id.Node, other.Node}, {&id.Namespace, other.Namespace},
		{&id.Pod, other.Pod}, {&id.PodUID, other.PodUID}, {&id.Container, other.Container},
		{&id.ContainerID, other.ContainerID}, {&id.ImageName, other.ImageName}, {&id.ImageTag, other.ImageTag},
		{&id.Cgroup, other.Cgroup}, {&id.Created, other.Created}, {&id.Executable, other.Executable},
		{&id.ExecutablePath, other.ExecutablePath}, {&id.CommandLine, other.CommandLine},
	} {
		*field.to = cmp.Or(*field.to, field.from)
	}
	if id.Workload == "" {
		id.Workload, id.WorkloadKind = other.Workload, other.WorkloadKind
	}
	id.PID, id.ParentPID = cmp.Or(id.PID, other.PID), cmp.Or(id.ParentPID, other.ParentPID)
}

// The attributes that need more than copying a string.
const (
	hostName        = "host.name"
	nameOfContainer = "container.name"
	imageTags       = "container.image.tags"
	pid             = "process.pid"
	parentPID       = "process.parent_pid"
)

// field returns the field that takes the attribute's value as it is, and the scope that it describes.
func (id *Identity) field(attribute string) (*string, Scope) {
	switch attribute {
	case "k8s.cluster.name":
		return &id.Cluster, Node
	case "k8s.node.name":
		return &id.Node, Node
	case "k8s.namespace.name":
		return &id.Namespace, Pod
	case "k8s.pod.name":
		return &id.Pod, Pod
	case "k8s.pod.uid":
		return &id.PodUID, Pod
	case "k8s.container.name":
		return &id.Container, Container
	case "container.id":
		return &id.ContainerID, Container
	case "container.image.name":
		return &id.ImageName, Container
	case "container.image.tag":
		return &id.ImageTag, Container
	case CgroupPath:
		return &id.Cgroup, Container
	case "process.creation.time":
		return &id.Created, Process
	case "process.executable.name":
		return &id.Executable, Process
	case "process.executable.path":
		return &id.ExecutablePath, Process
	case "process.command_line":
		return &id.CommandLine, Process
	}
	return nil, Other
}

// within reports whether the entity is of the scope or something inside one of that scope.
func (id *Identity) within(scope Scope) bool {
	return scope == Node || id.Scope >= scope && id.Scope != Other
}

func isString(value pcommon.Value, text string) bool {
	return value.Type() == pcommon.ValueTypeStr && value.Str() == text
}

func (id *Identity) scope(hasPID bool) Scope {
	switch {
	case hasPID:
		return Process
	case id.ContainerID != "", id.Cgroup != "", id.PodUID != "" && id.Container != "":
		return Container
	case id.PodUID != "":
		return Pod
	case id.Node != "":
		return Node
	}
	return Other
}

func (id *Identity) hash(resource pcommon.Map) uint64 {
	h := newHasher(id.Scope)
	switch {
	case id.Scope == Process:
		h.add(id.Cluster, id.Node)
		h.addInt(id.PID)
		h.add(id.Created)
	case id.Scope == Container && id.ContainerID != "":
		h.add(id.ContainerID) // unique by itself, so that senders which know more or less of it agree
	case id.Scope == Container && id.Cgroup != "":
		h.add(id.Cluster, id.Node, id.Cgroup)
	case id.Scope == Container:
		h.add(id.PodUID, id.Container)
	case id.Scope == Pod:
		h.add(id.PodUID)
	case id.Scope == Node:
		h.add(id.Cluster, id.Node)
	default:
		addAll(&h, resource)
	}
	return h.digest.Sum64()
}

// hasher hashes a list of strings, each preceded by its length so that ("ab", "c") and ("a", "bc") differ.
type hasher struct{ digest xxhash.Digest }

func newHasher(s Scope) hasher {
	var h hasher
	h.digest.Reset()
	h.add(s.String())
	return h
}

func (h *hasher) add(parts ...string) {
	var length [4]byte
	for _, part := range parts {
		binary.LittleEndian.PutUint32(length[:], uint32(len(part)))
		_, _ = h.digest.Write(length[:])
		_, _ = h.digest.WriteString(part)
	}
}

// addInt adds the decimal digits of i as a string.
func (h *hasher) addInt(i int64) {
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], i, 10)
	var length [4]byte
	binary.LittleEndian.PutUint32(length[:], uint32(len(text)))
	_, _ = h.digest.Write(length[:])
	_, _ = h.digest.Write(text)
}

func addAll(h *hasher, resource pcommon.Map) {
	keys := make([]string, 0, resource.Len())
	for key := range resource.All() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		value, _ := resource.Get(key)
		h.add(key, value.AsString())
	}
}

// workload is the owner of a pod; the outermost known owner wins, because a Deployment owns ReplicaSets and a CronJob
// owns Jobs.
type workload struct {
	name, kind string
	rank       int
}

func (w *workload) take(attribute string, value pcommon.Value) {
	kind, rank := "", 0
	switch attribute {
	case "k8s.deployment.name":
		kind, rank = "Deployment", 2
	case "k8s.statefulset.name":
		kind, rank = "StatefulSet", 2
	case "k8s.daemonset.name":
		kind, rank = "DaemonSet", 2
	case "k8s.cronjob.name":
		kind, rank = "CronJob", 2
	case "k8s.job.name":
		kind, rank = "Job", 1
	case "k8s.replicaset.name":
		kind, rank = "ReplicaSet", 1
	}
	if rank > w.rank && value.Str() != "" {
		*w = workload{name: value.Str(), kind: kind, rank: rank}
	}
}

func firstString(value pcommon.Value) string {
	if value.Type() == pcommon.ValueTypeSlice && value.Slice().Len() > 0 {
		return value.Slice().At(0).AsString()
	}
	return value.Str()
}
