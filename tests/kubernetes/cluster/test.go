// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// switchVariable names the environment variable that decides about tests with an API server.
const switchVariable = "NODESEC_TEST_KUBERNETES"

// buildTimeout bounds a start with the build that may come first.
const buildTimeout = 30 * time.Minute

// API is an API server with etcd and nothing else: objects can be stored, checked and watched, but nothing happens to them.
type API struct {
	URL        string
	Kubeconfig string       // of an administrator
	Client     *http.Client // with an administrator's rights
	kubectl    string
}

// StartAPI runs an API server for the test. Its programs come from the cache; where they are not in it the test is skipped,
// or with NODESEC_TEST_KUBERNETES=1 they are built, which takes minutes. 0 skips all such tests.
func StartAPI(t testing.TB) *API {
	t.Helper()
	programs := testPrograms(t)
	ports := freePorts(t, 3)
	local := func(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }
	folder := t.TempDir()
	keys, err := newAuthority(filepath.Join(folder, "pki"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := startAPI(t.Context(), keys, apiSettings{
		programs: programs, folder: folder,
		etcd: local(ports[0]), peers: local(ports[1]), bind: "127.0.0.1", port: ports[2],
		hosts: []string{"127.0.0.1"},
		extra: []string{
			// 192.0.2.1 is no address of anything: endpoints must not be loopback.
			"--advertise-address=192.0.2.1", "--authorization-mode=RBAC",
			// Nobody makes the service accounts that pods have by default.
			"--disable-admission-plugins=ServiceAccount",
		},
	})
	t.Cleanup(a.stop)
	if err != nil {
		t.Fatal(err)
	}
	return &API{URL: a.url, Kubeconfig: a.path("admin.kubeconfig"), Client: a.client, kubectl: filepath.Join(programs, "kubectl")}
}

// Kubectl runs kubectl with the text as its input and returns what it says, which is in the error, too.
func (a *API) Kubectl(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, a.kubectl, append([]string{"--kubeconfig", a.Kubeconfig}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	var errout bytes.Buffer
	cmd.Stderr = &errout
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, errout.String())
	}
	return string(out), err
}

// testPrograms returns the folder with the programs of Kubernetes, or ends the test.
func testPrograms(t testing.TB) string {
	t.Helper()
	if os.Getenv(switchVariable) == "0" {
		t.Skipf("needs Kubernetes, and %s=0", switchVariable)
	}
	folder, err := kubernetesProgram().cached()
	if err == nil {
		err = checkCached(folder)
	}
	if errors.Is(err, errNotCached) {
		if os.Getenv(switchVariable) != "1" {
			t.Skipf("needs Kubernetes, which %s=1 builds: %v", switchVariable, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), buildTimeout)
		defer cancel()
		folder, err = Kubernetes(ctx, os.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// freePorts returns different ports of this host that nobody listens on.
func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}
