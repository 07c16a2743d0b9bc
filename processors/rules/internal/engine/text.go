// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"github.com/nodesec/nodesec/internal/entity"
)

// identityTexts are the names by which conditions tell the identity of the entity, each with what it is. A text that the
// entity does not have is empty.
func identityTexts() []string {
	return []string{
		"cluster", "node", "namespace", "workload", "workload_kind", "pod", "container", "container_id", "image", "cgroup",
		"exe", "exe_path", "command", "scope",
	}
}

// identityText returns a text of the identity.
func identityText(id *entity.Identity, name string) string {
	switch name {
	case "cluster":
		return id.Cluster
	case "node":
		return id.Node
	case "namespace":
		return id.Namespace
	case "workload":
		return id.Workload
	case "workload_kind":
		return id.WorkloadKind
	case "pod":
		return id.Pod
	case "container":
		return id.Container
	case "container_id":
		return id.ContainerID
	case "image":
		return id.ImageName
	case "cgroup":
		return id.Cgroup
	case "exe":
		return id.Executable
	case "exe_path":
		return id.ExecutablePath
	case "command":
		return id.CommandLine
	case "scope":
		return id.Scope.String()
	}
	return ""
}

// setIdentityText is identityText the other way round. It reports false if there is no such text.
func setIdentityText(id *entity.Identity, name, value string) bool {
	field := map[string]*string{
		"cluster": &id.Cluster, "node": &id.Node, "namespace": &id.Namespace, "workload": &id.Workload,
		"workload_kind": &id.WorkloadKind, "pod": &id.Pod, "container": &id.Container, "container_id": &id.ContainerID,
		"image": &id.ImageName, "cgroup": &id.Cgroup, "exe": &id.Executable, "exe_path": &id.ExecutablePath,
		"command": &id.CommandLine,
	}[name]
	if field == nil {
		return false
	}
	*field = value
	return true
}
