// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	RunStageIfAsked()
	os.Exit(m.Run())
}

// runNodeIfAsked is the test binary as the command node.
func runNodeIfAsked(t *testing.T) {
	if os.Getenv("NODESEC_TEST_RUN_NODE") == "" {
		return
	}
	code, err := RunNode(t.Context(), nil, []string{"sh", "-c", os.Getenv("NODESEC_TEST_RUN_NODE")})
	require.NoError(t, err)
	os.Exit(code)
}

// startNode runs the script beside a node and returns the process with its output.
func startNode(t *testing.T, script string) (*exec.Cmd, *bufio.Scanner) {
	cmd := exec.Command("/proc/self/exe", "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "NODESEC_TEST_RUN_NODE="+script)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

// needsNode skips the test where no node can run.
func needsNode(t *testing.T) {
	testPrograms(t)
	if os.Geteuid() != 0 {
		if os.Getenv(switchVariable) == "1" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
}

// found returns what a node leaves on the host: the folder of its data and those of its cgroups, mounts, network interfaces
// and processes that live in namespaces of their own.
func found(t *testing.T, folder string) []string {
	var all []string
	for _, pattern := range []string{folder, "/sys/fs/cgroup/" + filepath.Base(folder), "/sys/fs/cgroup/*/" + filepath.Base(folder)} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		all = append(all, files...)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	all = append(all, strings.Fields(string(mounts))...)
	interfaces, err := filepath.Glob("/sys/class/net/*")
	require.NoError(t, err)
	all = append(all, interfaces...)
	tasks, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	for _, file := range tasks {
		if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), folder) {
			all = append(all, filepath.Dir(file))
		}
	}
	return all
}

func TestNodeLeavesNothingBehind(t *testing.T) {
	runNodeIfAsked(t)
	needsNode(t)
	// The pod's container is in cgroups, has mounts and an interface.
	const script = `echo "$KUBECONFIG"
		kubectl run web --image=` + AppImage + ` --image-pull-policy=IfNotPresent >&2 &&
		kubectl wait --for=condition=Ready pod/web --timeout=60s >&2 &&
		echo up && `
	for how, test := range map[string]struct {
		script string
		end    func(*exec.Cmd) error
		code   int
	}{
		"the command ends": {"exit 7", func(*exec.Cmd) error { return nil }, 7},
		"terminated":       {"sleep 600", func(cmd *exec.Cmd) error { return cmd.Process.Signal(unix.SIGTERM) }, 1},
		"killed":           {"sleep 600", func(cmd *exec.Cmd) error { return cmd.Process.Kill() }, -1},
	} {
		t.Run(how, func(t *testing.T) {
			before := found(t, "/nowhere")
			cmd, out := startNode(t, script+test.script)
			require.True(t, out.Scan())
			folder := filepath.Dir(filepath.Dir(out.Text()))
			require.True(t, out.Scan())
			require.Equal(t, "up", out.Text())
			if test.code != 7 {
				assert.NotEqual(t, before, found(t, folder), "it is seen while it is there")
			}
			require.NoError(t, test.end(cmd))
			_ = cmd.Wait()
			assert.Equal(t, test.code, cmd.ProcessState.ExitCode())
			assert.EventuallyWithT(t, func(c *assert.CollectT) {
				assert.Equal(c, before, found(t, folder))
			}, sweepLimit, 200*time.Millisecond)
		})
	}
}
