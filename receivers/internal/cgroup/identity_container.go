// SPDX-License-Identifier: Apache-2.0

package cgroup

import "strings"

const (
	fullIDLength = 64 // a SHA-256 in hexadecimal digits, from docker, containerd's CRI plugin, CRI-O and podman
	taskIDLength = 32 // an ECS task ID, or a garden handle
)

// containerOf tells whether the last element of a cgroup path is a container, by its name and the path of its parent.
// ContainerID, Name and Runtime are set if it is.
func containerOf(element, parent string) (id Identity, ok bool) {
	above := parent[strings.LastIndexByte(parent, '/')+1:]
	if prefix, name, found := cutLast(element, ':'); found {
		// runc takes cgroupsPath as slice:prefix:name under the systemd driver; the cgroupfs driver makes a directory
		// of it as it stands. So this is what a runtime and a kubelet with different drivers end with.
		if isHex(name, fullIDLength) {
			_, prefix, _ = cutLast(prefix, ':')
			return Identity{ContainerID: name, Runtime: runtimeOf(prefix)}, true
		}
		return id, false
	}
	name := strings.TrimSuffix(element, ".scope")
	if len(name) >= fullIDLength && isHex(name[len(name)-fullIDLength:], fullIDLength) {
		return withFullID(name[len(name)-fullIDLength:], name[:len(name)-fullIDLength], parent, above)
	}
	return withOtherName(element, parent, above)
}

// withFullID judges a name that ends with an ID of 64 digits.
func withFullID(id, prefix, parent, above string) (Identity, bool) {
	switch prefix, dashed := strings.CutSuffix(prefix, "-"); {
	case strings.HasSuffix(prefix, "conmon"): // crio-conmon, libpod-conmon: the monitor outside the container
		return Identity{}, false
	case dashed:
		return Identity{ContainerID: id, Runtime: runtimeOf(prefix)}, true
	case prefix != "":
		return Identity{}, false
	case above == "libpod_parent": // a pod of podman; its containers below are called libpod-ID
		return Identity{}, false
	case above == "docker", strings.HasPrefix(parent, "/ecs/"):
		return Identity{ContainerID: id, Runtime: "docker"}, true
	}
	return Identity{ContainerID: id}, true
}

// withOtherName judges the names that runtimes without IDs of 64 digits give.
func withOtherName(element, parent, above string) (id Identity, ok bool) {
	switch {
	case element == "":
	case above == "lxc", above == "lxc.payload":
		id = Identity{Name: element, Runtime: "lxc"}
	case strings.HasPrefix(element, "lxc.payload."):
		id = Identity{Name: strings.TrimPrefix(element, "lxc.payload."), Runtime: "lxc"}
	case strings.HasPrefix(element, "systemd-nspawn@") && strings.HasSuffix(element, ".service"):
		name := strings.TrimSuffix(strings.TrimPrefix(element, "systemd-nspawn@"), ".service")
		id = Identity{Name: name, Runtime: "systemd-nspawn"}
	case above == "garden" && isHex(element, taskIDLength), isGardenHandle(element):
		id = Identity{ContainerID: element, Runtime: "garden"}
	case above == "mesos" && len(element) == len("01234567-0123-0123-0123-0123456789ab") && isPodUID(element):
		id = Identity{ContainerID: element, Runtime: "mesos"}
	case strings.HasPrefix(parent, "/ecs/") && isFargateID(element):
		id = Identity{ContainerID: element, Runtime: "containerd"}
	}
	return id, id.ContainerID != "" || id.Name != ""
}

// runtimeOf tells the runtime by what it puts before the ID; empty for a prefix that is not known.
func runtimeOf(prefix string) string {
	switch prefix {
	case "docker":
		return "docker"
	case "cri-containerd", "containerd", "nerdctl":
		return "containerd"
	case "crio":
		return "cri-o"
	case "libpod", "libpod-payload":
		return "podman"
	}
	return ""
}

// isGardenHandle says whether text looks as 6f265890-5165-7fab-6b52-18d1, the last group shorter than that of a UUID.
func isGardenHandle(text string) bool {
	if len(text) != len("01234567-0123-0123-0123-0123") {
		return false
	}
	for i := range len(text) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (text[i] == '-') || !dash && !isHexDigit(text[i]) {
			return false
		}
	}
	return true
}

// isFargateID says whether text is a task ID, a dash and a decimal number.
func isFargateID(text string) bool {
	task, number, found := strings.Cut(text, "-")
	return found && isHex(task, taskIDLength) && number != "" && strings.Trim(number, "0123456789") == ""
}

func isHex(text string, length int) bool {
	if len(text) != length {
		return false
	}
	for i := range len(text) {
		if !isHexDigit(text[i]) {
			return false
		}
	}
	return true
}

func isHexDigit(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }

func cutLast(text string, separator byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(text, separator); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return "", text, false
}
