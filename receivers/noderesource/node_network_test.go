// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

func TestNodeNetworkWithoutRootPathIsOurOwn(t *testing.T) {
	assert.Equal(t, nodeNetwork{dir: "/proc/self/net", own: true}, newNodeNetwork(""))
}

func TestNodeNetworkOfAnotherTreeIsNotOurOwn(t *testing.T) {
	root := filepath.Join(kernels, "linux-6.18")
	assert.Equal(t, nodeNetwork{dir: root + "/proc/1/net"}, newNodeNetwork(root))
	assert.False(t, newNodeNetwork("/no/such/root").own)
}

// The files of a network namespace are told from those of another one by their inodes.
func TestNetworkNamespacesHaveFilesOfTheirOwn(t *testing.T) {
	var ours unix.Stat_t
	require.NoError(t, unix.Stat("/proc/self/net/dev", &ours))
	stat := exec.Command("stat", "--format=%i", "/proc/self/net/dev")
	stat.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	theirs, err := stat.Output()
	if err != nil {
		t.Skipf("no right to make a network namespace, or no stat command: %v", err)
	}
	assert.NotEqual(t, strconv.FormatUint(ours.Ino, 10), strings.TrimSpace(string(theirs)))
}

func TestTCPStatesOfThisHost(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { assert.NoError(t, listener.Close()) }()
	s := newNodeScraper("", nodeOptions{logger: zap.NewNop()})
	asked, err := s.tcpStates()
	require.NoError(t, err)
	read, err := s.readTCPStates()
	require.NoError(t, err)
	assert.Positive(t, asked[procfs.TCPListen])
	assert.Positive(t, read[procfs.TCPListen])
}
