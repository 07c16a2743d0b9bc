// SPDX-License-Identifier: Apache-2.0

package cgroup

import "strings"

// The QoS classes of pods, in the words of Kubernetes.
const (
	Guaranteed = "Guaranteed"
	Burstable  = "Burstable"
	BestEffort = "BestEffort"
)

// Identity is what a cgroup path says of the container it belongs to. Everything is empty where the path does not tell.
type Identity struct {
	// Path is the container's own cgroup: the path asked for, or a parent of it, because what runs in a container may
	// make cgroups of its own (systemd does). Empty outside containers.
	Path string
	// ContainerID is the ID that the runtime gave the container.
	ContainerID string
	// Name is the name of a container whose runtime knows names but no IDs, as LXC.
	Name string
	// Runtime is the container runtime: docker, containerd, cri-o, podman, lxc, systemd-nspawn, garden or mesos.
	Runtime string
	// PodUID is the UID of the Kubernetes pod, with dashes. A static pod of a kubelet has the 32 hexadecimal digits of
	// an MD5 sum instead, without dashes, and its mirror in the API server another UID.
	PodUID string
	// QoS is the QoS class of the pod.
	QoS string
	// InPods says that the path is below the cgroup of a kubelet's pods, kubepods.
	InPods bool
}

// Identify finds the container that a cgroup path belongs to: the innermost one, since containers may run in containers.
// Its strings share memory with path where they can.
func Identify(path string) Identity {
	for end := len(path); end > 0; {
		start := strings.LastIndexByte(path[:end], '/')
		if start < 0 {
			break
		}
		if found, ok := containerOf(path[start+1:end], path[:start]); ok {
			found.Path = path[:end]
			found.findPod(found.Path)
			return found
		}
		end = start
	}
	var id Identity
	id.findPod(path)
	return id
}

// findPod finds the innermost pod of the path. kubelet names cgroups in pkg/kubelet/cm: pod_container_manager_linux.go
// (pod<uid>), qos_container_manager_linux.go (kubepods, burstable, besteffort) and cgroup_manager_linux.go, which under
// the systemd driver joins the names with dashes and turns dashes of the UID into underscores.
func (id *Identity) findPod(path string) {
	parent := ""
	for element := range strings.SplitSeq(path, "/") {
		slice, _, _ := strings.Cut(element, ":") // slice:prefix:name, see container
		slice, systemd := strings.CutSuffix(slice, ".slice")
		if slice == "kubepods" || systemd && isPodsSlice(slice) {
			id.InPods = true
		}
		if i := strings.LastIndex(slice, "pod"); i >= 0 && isPodUID(slice[i+len("pod"):]) {
			id.PodUID = strings.ReplaceAll(slice[i+len("pod"):], "_", "-")
			if i > 0 {
				parent = strings.TrimSuffix(slice[:i], "-")
			}
			id.QoS = qosClass(parent)
			id.InPods = id.InPods || id.QoS != ""
		}
		parent = slice
	}
}

func isPodsSlice(slice string) bool {
	return strings.HasPrefix(slice, "kubepods-") || strings.HasSuffix(slice, "-kubepods") ||
		strings.Contains(slice, "-kubepods-")
}

// qosClass is the class of the pods in the cgroup that the name stands for; parents may precede it, as in
// kubelet-kubepods-burstable.
func qosClass(name string) string {
	switch last := name[strings.LastIndexByte(name, '-')+1:]; last {
	case "burstable":
		return Burstable
	case "besteffort":
		return BestEffort
	case "kubepods":
		return Guaranteed
	}
	return ""
}

// isPodUID says whether text has 32 hexadecimal digits, with dashes or underscores between them or none.
func isPodUID(text string) bool {
	digits := 0
	for i := range len(text) {
		switch c := text[i]; {
		case isHexDigit(c):
			digits++
		case c != '-' && c != '_' || i == 0:
			return false
		}
	}
	return digits == 32
}
