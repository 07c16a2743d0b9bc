// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

//go:embed node
var nodeFiles embed.FS

// What the node and its networks are called. They are in namespaces of their own, so that any number of nodes can have the same.
const (
	NodeName   = "node1"
	NodeIP     = "10.0.0.10"
	ServiceIP  = "10.96.0.1" // the API server's for pods: an address of the node, so that no proxy is needed
	DNSIP      = "10.96.0.10"
	PodNetwork = "10.244.0.0/24"
	AppImage   = "registry.local/app:1"
	PauseImage = "registry.local/pause:1"
)

// node is what its processes are told.
type node struct {
	Folder     string   `json:"folder"` // for all data of the node
	Cgroup     string   `json:"cgroup"` // name of the cgroup above those of pods
	Kubernetes string   `json:"kubernetes"`
	Debian     string   `json:"debian"`
	DNS        string   `json:"dns"`
	Images     []string `json:"images"`
	Command    []string `json:"command"`
}

// The constants, for the templates.
func (n *node) PauseImage() string { return PauseImage }
func (n *node) PodNetwork() string { return PodNetwork }
func (n *node) DNSIP() string      { return DNSIP }

func (n *node) path(name ...string) string {
	return filepath.Join(append([]string{n.Folder}, name...)...)
}

// env is how a command finds the cluster.
func (n *node) env() []string {
	return []string{
		"KUBECONFIG=" + n.path("pki", "admin.kubeconfig"),
		"PATH=" + strings.Join([]string{n.Kubernetes, n.Debian + "/usr/bin", n.Debian + "/usr/sbin", os.Getenv("PATH")}, ":"),
	}
}

// run starts all parts, runs the command and returns its exit code. It runs inside the node's namespaces; the parts are ended
// with these.
func (n *node) run(ctx context.Context) (int, error) {
	if err := n.writeFiles(); err != nil {
		return 0, err
	}
	images := make(chan error, 1)
	go func() { images <- n.startContainerd(ctx) }()
	a, err := n.startControlPlane(ctx)
	if err = errors.Join(err, <-images); err != nil {
		return 0, err
	}
	if err := errors.Join(n.startDNS(ctx), n.startKubelet(ctx, a)); err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, n.Command[0], n.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), n.env()...)
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// writeFiles writes the settings of containerd, of its network plugins and of the kubelet.
func (n *node) writeFiles() error {
	if err := errors.Join(os.MkdirAll(n.path("cni"), 0o755), os.MkdirAll(n.path("manifests"), 0o755)); err != nil {
		return err
	}
	templates, err := template.ParseFS(nodeFiles, "node/*")
	if err != nil {
		return err
	}
	for from, to := range map[string]string{
		"containerd.toml": "containerd.toml", "kubelet.yaml": "kubelet.yaml", "Corefile": "Corefile", "bridge.conflist": "cni/10-bridge.conflist",
	} {
		var text strings.Builder
		if err := templates.ExecuteTemplate(&text, from, n); err != nil {
			return err
		}
		if err := os.WriteFile(n.path(to), []byte(text.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// startContainerd starts it and gives it the images.
func (n *node) startContainerd(ctx context.Context) error {
	libraries, err := filepath.Glob(n.Debian + "/usr/lib/*-linux-gnu")
	if err != nil {
		return err
	}
	env := append(n.env(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	containerd, err := start(n.Folder, env, n.Debian+"/usr/bin/containerd", "--config", n.path("containerd.toml"))
	if err != nil {
		return err
	}
	ctr := func(ctx context.Context, args ...string) error {
		if out, err := exec.CommandContext(ctx, n.Debian+"/usr/bin/ctr", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("ctr %s: %w: %s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	if err := containerd.wait(ctx, time.Minute, func(ctx context.Context) error { return ctr(ctx, "version") }); err != nil {
		return err
	}
	for _, image := range n.Images {
		if err := ctr(ctx, "--namespace", "k8s.io", "images", "import", image); err != nil {
			return err
		}
	}
	return nil
}

// startControlPlane starts etcd, the API server, the controllers and the scheduler.
func (n *node) startControlPlane(ctx context.Context) (*api, error) {
	keys, err := newAuthority(n.path("pki"))
	if err != nil {
		return nil, err
	}
	if err := keys.issue("kubelet-client", "kube-apiserver-kubelet-client", []string{"system:masters"}); err != nil {
		return nil, err
	}
	a, err := startAPI(ctx, keys, apiSettings{
		programs: n.Kubernetes, folder: n.Folder,
		etcd: "http://127.0.0.1:2379", peers: "http://127.0.0.1:2380", bind: "0.0.0.0", port: 443,
		hosts: []string{ServiceIP, NodeIP, "127.0.0.1"},
		extra: []string{
			"--advertise-address=" + NodeIP, "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
			"--kubelet-preferred-address-types=InternalIP", "--kubelet-certificate-authority=" + keys.path("ca.crt"),
			"--kubelet-client-certificate=" + keys.path("kubelet-client.crt"), "--kubelet-client-key=" + keys.path("kubelet-client.key"),
		},
	})
	if err != nil {
		return nil, err
	}
	for part, extra := range map[string][]string{
		"kube-scheduler": nil,
		"kube-controller-manager": {
			"--use-service-account-credentials=true", "--service-account-private-key-file=" + keys.path("sa.key"), "--root-ca-file=" + keys.path("ca.crt"),
		},
	} {
		if err := keys.kubeconfig(part, a.url, "system:"+part); err != nil {
			return nil, err
		}
		file := keys.path(part + ".kubeconfig")
		if _, err := start(n.Folder, n.env(), filepath.Join(n.Kubernetes, part), append([]string{
			"--kubeconfig=" + file, "--authentication-kubeconfig=" + file, "--authorization-kubeconfig=" + file,
			"--leader-elect=false", "--bind-address=127.0.0.1",
		}, extra...)...); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// startDNS starts what answers for the names of services.
func (n *node) startDNS(ctx context.Context) error {
	dns, err := start(n.Folder, n.env(), filepath.Join(n.DNS, "coredns"), "-conf", n.path("Corefile"))
	if err != nil {
		return err
	}
	return dns.wait(ctx, time.Minute, func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(DNSIP, "53"))
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}

// startKubelet starts it and waits until pods can run.
func (n *node) startKubelet(ctx context.Context, a *api) error {
	const user, group = "system:node:" + NodeName, "system:nodes"
	if err := a.issue("kubelet-server", user, []string{group}, NodeName, NodeIP); err != nil {
		return err
	}
	if err := a.kubeconfig("kubelet", a.url, user, group); err != nil {
		return err
	}
	kubelet, err := start(n.Folder, n.env(), filepath.Join(n.Kubernetes, "kubelet"), "--config="+n.path("kubelet.yaml"),
		"--kubeconfig="+a.path("kubelet.kubeconfig"), "--hostname-override="+NodeName, "--node-ip="+NodeIP,
		"--root-dir=/var/lib/kubelet", "--v=2")
	if err != nil {
		return err
	}
	return kubelet.wait(ctx, 2*time.Minute, func(ctx context.Context) error {
		return errors.Join(a.nodeReady(ctx), a.get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil))
	})
}

func (a *api) nodeReady(ctx context.Context) error {
	var answer struct {
		Status struct {
			Conditions []struct{ Type, Status, Message string }
		}
	}
	if err := a.get(ctx, "/api/v1/nodes/"+NodeName, &answer); err != nil {
		return err
	}
	for _, condition := range answer.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" {
			return nil
		}
	}
	return fmt.Errorf("the node is not ready: %v", answer.Status.Conditions)
}
