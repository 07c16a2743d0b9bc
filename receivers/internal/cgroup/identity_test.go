// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const (
	idA = "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970"
	idB = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"

	uid      = "2c48913c-b29f-11e7-9350-020968147796"
	uidSlice = "2c48913c_b29f_11e7_9350_020968147796"
	uidOther = "1e597579-417e-482f-bf65-5fe170c3aebd"
	md5      = "a94b2e8f1c3d4e5f60718293a4b5c6d7"
)

// layouts are the cgroup paths that runtimes make. Identity.Path is the path itself unless container names a parent.
type layout struct {
	name, path string
	container  string
	want       Identity
}

func kubernetesLayouts() []layout {
	// kubelet: pkg/kubelet/cm; containerd: internal/cri/server/podsandbox getCgroupsPath; CRI-O:
	// internal/config/cgmgr ContainerCgroupPath; cri-dockerd passes the pod's cgroup as docker's cgroup parent.
	return []layout{
		{"cgroupfs driver, burstable", "/kubepods/burstable/pod" + uid + "/" + idA, "",
			Identity{ContainerID: idA, PodUID: uid, QoS: Burstable, InPods: true}},
		{"cgroupfs driver, best effort", "/kubepods/besteffort/pod" + uid + "/" + idA, "",
			Identity{ContainerID: idA, PodUID: uid, QoS: BestEffort, InPods: true}},
		{"cgroupfs driver, guaranteed", "/kubepods/pod" + uid + "/" + idA, "",
			Identity{ContainerID: idA, PodUID: uid, QoS: Guaranteed, InPods: true}},
		{"cgroupfs driver, CRI-O", "/kubepods/burstable/pod" + uid + "/crio-" + idA, "",
			Identity{ContainerID: idA, Runtime: "cri-o", PodUID: uid, QoS: Burstable, InPods: true}},
		{"systemd driver, containerd", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + uidSlice +
			".slice/cri-containerd-" + idA + ".scope", "",
			Identity{ContainerID: idA, Runtime: "containerd", PodUID: uid, QoS: Burstable, InPods: true}},
		{"systemd driver, guaranteed", "/kubepods.slice/kubepods-pod" + uidSlice + ".slice/cri-containerd-" + idA + ".scope", "",
			Identity{ContainerID: idA, Runtime: "containerd", PodUID: uid, QoS: Guaranteed, InPods: true}},
		{"systemd driver, CRI-O", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + uidSlice +
			".slice/crio-" + idA + ".scope", "",
			Identity{ContainerID: idA, Runtime: "cri-o", PodUID: uid, QoS: BestEffort, InPods: true}},
		{"systemd driver, docker", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + uidSlice +
			".slice/docker-" + idA + ".scope", "",
			Identity{ContainerID: idA, Runtime: "docker", PodUID: uid, QoS: BestEffort, InPods: true}},
		{"CRI-O's crun keeps the container in a cgroup below", "/kubepods.slice/kubepods-pod" + uidSlice + ".slice/crio-" +
			idA + ".scope/container", "/kubepods.slice/kubepods-pod" + uidSlice + ".slice/crio-" + idA + ".scope",
			Identity{ContainerID: idA, Runtime: "cri-o", PodUID: uid, QoS: Guaranteed, InPods: true}},
		{"CRI-O's monitor in the pod is no container", "/kubepods.slice/kubepods-pod" + uidSlice + ".slice/crio-conmon-" +
			idA + ".scope", "-", Identity{PodUID: uid, QoS: Guaranteed, InPods: true}},
		{"static pod, cgroupfs driver", "/kubepods/burstable/pod" + md5 + "/" + idA, "",
			Identity{ContainerID: idA, PodUID: md5, QoS: Burstable, InPods: true}},
		{"static pod, systemd driver", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + md5 +
			".slice/cri-containerd-" + idA + ".scope", "",
			Identity{ContainerID: idA, Runtime: "containerd", PodUID: md5, QoS: Burstable, InPods: true}},
		{"kubelet's --cgroup-root", "/kubetest/kubepods/burstable/pod" + uid + "/" + idA, "",
			Identity{ContainerID: idA, PodUID: uid, QoS: Burstable, InPods: true}},
		{"kind as seen from the node, cgroupfs driver", "/kubelet/kubepods/besteffort/pod" + uid + "/" + idA, "",
			Identity{ContainerID: idA, PodUID: uid, QoS: BestEffort, InPods: true}},
		{"kind as seen from the node, systemd driver (kubernetes-sigs/kind#3947)",
			"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod" +
				uidSlice + ".slice/cri-containerd-" + idA + ".scope", "",
			Identity{ContainerID: idA, Runtime: "containerd", PodUID: uid, QoS: BestEffort, InPods: true}},
		{"drivers differ: slice, prefix and ID in one name, best effort",
			"/kubepods-besteffort-pod" + uidSlice + ".slice:cri-containerd:" + idA, "",
			Identity{ContainerID: idA, Runtime: "containerd", PodUID: uid, QoS: BestEffort, InPods: true}},
		{"drivers differ, below containerd's service",
			"/system.slice/containerd.service/kubepods-burstable-pod" + uidSlice + ".slice:cri-containerd:" + idA, "",
			Identity{ContainerID: idA, Runtime: "containerd", PodUID: uid, QoS: Burstable, InPods: true}},
		{"the pod itself, cgroupfs driver", "/kubepods/burstable/pod" + uid, "-",
			Identity{PodUID: uid, QoS: Burstable, InPods: true}},
		{"the pod itself, systemd driver", "/kubepods.slice/kubepods-pod" + uidSlice + ".slice", "-",
			Identity{PodUID: uid, QoS: Guaranteed, InPods: true}},
		{"the class itself", "/kubepods.slice/kubepods-burstable.slice", "-", Identity{InPods: true}},
	}
}

func nestedLayouts() []layout {
	outer := "/docker/" + idB
	return []layout{
		{"kind as seen from the host, cgroupfs driver", outer + "/kubelet/kubepods/besteffort/pod" + uid + "/" + idA, "",
			Identity{ContainerID: idA, PodUID: uid, QoS: BestEffort, InPods: true}},
		{"minikube's docker driver with CRI-O (kubernetes/minikube#11280)",
			outer + "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + uidSlice + ".slice/crio-" + idA +
				".scope", "",
			Identity{ContainerID: idA, Runtime: "cri-o", PodUID: uid, QoS: BestEffort, InPods: true}},
		{"a service of kind's node container", outer + "/system.slice/containerd.service", outer,
			Identity{ContainerID: idB, Runtime: "docker"}},
		{"a pod's cgroup in kind's node container is the node container's", outer + "/kubepods/pod" + uid, outer,
			Identity{ContainerID: idB, Runtime: "docker"}},
		{"docker in docker", outer + "/docker/" + idA, "", Identity{ContainerID: idA, Runtime: "docker"}},
		{"docker in a pod belongs to the pod", "/kubepods/burstable/pod" + uid + "/" + idB + "/docker/" + idA, "",
			Identity{ContainerID: idA, Runtime: "docker", PodUID: uid, QoS: Burstable, InPods: true}},
		{"a cluster in a pod: the innermost pod",
			"/kubepods/burstable/pod" + uidOther + "/" + idB + "/kubelet/kubepods/pod" + uid + "/" + idA, "",
			Identity{ContainerID: idA, PodUID: uid, QoS: Guaranteed, InPods: true}},
		{"systemd in a container", "/system.slice/docker-" + idA + ".scope/init.scope", "/system.slice/docker-" + idA + ".scope",
			Identity{ContainerID: idA, Runtime: "docker"}},
	}
}

func otherLayouts() []layout {
	return []layout{
		// moby: daemon/oci_linux.go WithCgroups.
		{"docker, cgroupfs driver", "/docker/" + idA, "", Identity{ContainerID: idA, Runtime: "docker"}},
		{"docker, systemd driver", "/system.slice/docker-" + idA + ".scope", "", Identity{ContainerID: idA, Runtime: "docker"}},
		{"docker with --cgroup-parent", "/actions_job/" + idA, "", Identity{ContainerID: idA}},
		{"docker, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + idA + ".scope", "",
			Identity{ContainerID: idA, Runtime: "docker"}},
		{"docker, a systemd parent under the cgroupfs driver", "/system.slice:docker:" + idA, "",
			Identity{ContainerID: idA, Runtime: "docker"}},
		{"docker without a parent", "/" + idA, "", Identity{ContainerID: idA}},
		// containerd: cmd/ctr puts a container at /NAMESPACE/ID; nerdctl: pkg/cmd/container/run_cgroup_linux.go.
		{"containerd, ctr", "/default/" + idA, "", Identity{ContainerID: idA}},
		{"nerdctl, systemd driver", "/system.slice/nerdctl-" + idA + ".scope", "", Identity{ContainerID: idA, Runtime: "containerd"}},
		// podman: libpod/container_linux.go, libpod/oci_util.go createUnitName, docs of --cgroups=split.
		{"podman", "/machine.slice/libpod-" + idA + ".scope", "", Identity{ContainerID: idA, Runtime: "podman"}},
		{"podman with crun", "/machine.slice/libpod-" + idA + ".scope/container", "/machine.slice/libpod-" + idA + ".scope",
			Identity{ContainerID: idA, Runtime: "podman"}},
		{"podman, rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope/container",
			"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + idA + ".scope",
			Identity{ContainerID: idA, Runtime: "podman"}},
		{"podman, cgroupfs driver", "/libpod_parent/libpod-" + idA, "", Identity{ContainerID: idA, Runtime: "podman"}},
		{"podman, split", "/system.slice/web.service/libpod-payload-" + idA, "", Identity{ContainerID: idA, Runtime: "podman"}},
		{"podman in a pod of its own", "/machine.slice/machine-libpod_pod_" + idB + ".slice/libpod-" + idA + ".scope", "",
			Identity{ContainerID: idA, Runtime: "podman"}},
		{"podman's pod is no container, systemd driver", "/machine.slice/machine-libpod_pod_" + idB + ".slice", "-", Identity{}},
		{"podman's pod is no container, cgroupfs driver", "/libpod_parent/" + idB, "-", Identity{}},
		{"podman's monitor is no container", "/machine.slice/libpod-conmon-" + idA + ".scope", "-", Identity{}},
		// lxc: src/lxc/conf.h DEFAULT_PAYLOAD_CGROUP_PREFIX and, before 4.0, /lxc/NAME; Proxmox VE: /lxc/CTID/ns.
		{"LXC since 4.0", "/lxc.payload.web/system.slice/cron.service", "/lxc.payload.web", Identity{Name: "web", Runtime: "lxc"}},
		{"LXC 3", "/lxc/web", "", Identity{Name: "web", Runtime: "lxc"}},
		{"LXC of Proxmox VE", "/lxc/101/ns/init.scope", "/lxc/101", Identity{Name: "101", Runtime: "lxc"}},
		{"LXC's monitor is no container", "/lxc.monitor.web", "-", Identity{}},
		// systemd: src/nspawn/nspawn-register.c and units/systemd-nspawn@.service.in.
		{"systemd-nspawn", "/machine.slice/systemd-nspawn@web.service/payload", "/machine.slice/systemd-nspawn@web.service",
			Identity{Name: "web", Runtime: "systemd-nspawn"}},
		// Amazon ECS: amazon-ecs-agent agent/taskresource/cgroup and docs; Fargate's form is in dd-trace-go container.go.
		{"ECS on EC2", "/ecs/" + uid + "/" + idA, "", Identity{ContainerID: idA, Runtime: "docker"}},
		{"ECS with the cluster's name", "/ecs/prod/" + md5 + "/" + idA, "", Identity{ContainerID: idA, Runtime: "docker"}},
		{"ECS, systemd driver", "/ecstasks.slice/ecstasks-" + md5 + ".slice/docker-" + idA + ".scope", "",
			Identity{ContainerID: idA, Runtime: "docker"}},
		{"Fargate", "/ecs/" + md5 + "/" + md5 + "-2550525373", "", Identity{ContainerID: md5 + "-2550525373", Runtime: "containerd"}},
		// Cloud Foundry: garden's guardian/rundmc/cgroups; the handle is cut from a UUID.
		{"garden, 32 digits", "/garden/" + md5, "", Identity{ContainerID: md5, Runtime: "garden"}},
		{"garden, dashes", "/system.slice/garden.service/garden/6f265890-5165-7fab-6b52-18d1", "",
			Identity{ContainerID: "6f265890-5165-7fab-6b52-18d1", Runtime: "garden"}},
		// Mesos: docs/containerizers; --cgroups_root defaults to mesos.
		{"Mesos", "/mesos/" + uid, "", Identity{ContainerID: uid, Runtime: "mesos"}},
		{"a service", "/system.slice/sshd.service", "-", Identity{}},
		{"a user's session", "/user.slice/user-1000.slice/session-3.scope", "-", Identity{}},
		{"32 digits elsewhere", "/jobs/" + md5, "-", Identity{}},
		{"63 digits", "/docker/" + idA[1:], "-", Identity{}},
		{"64 characters that are no digits", "/docker/" + strings.Repeat("z", 64), "-", Identity{}},
		{"the root", "/", "-", Identity{}},
		{"nothing", "", "-", Identity{}},
	}
}

func TestIdentify(t *testing.T) {
	layouts := append(kubernetesLayouts(), nestedLayouts()...)
	for _, tt := range append(layouts, otherLayouts()...) {
		t.Run(tt.name, func(t *testing.T) {
			switch tt.container {
			case "":
				tt.want.Path = tt.path
			case "-":
			default:
				tt.want.Path = tt.container
			}
			assert.Equal(t, tt.want, Identify(tt.path))
		})
	}
}

func FuzzIdentify(f *testing.F) {
	for _, l := range append(append(kubernetesLayouts(), nestedLayouts()...), otherLayouts()...) {
		f.Add(l.path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		id := Identify(path)
		assert.True(t, strings.HasPrefix(path, id.Path))
		if id.Path != "" {
			assert.True(t, id.ContainerID != "" || id.Name != "")
			assert.Equal(t, id, Identify(id.Path), "a container's own path tells the same")
			assert.Equal(t, id, Identify(id.Path+"/init.scope"), "what is below belongs to it")
		}
		if id.PodUID != "" {
			assert.True(t, isPodUID(id.PodUID))
		}
	})
}
