// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTCPStates(t *testing.T) {
	var states TCPStates
	require.NoError(t, states.Add(fixture(t, new6, "1/net/tcp")))
	require.NoError(t, states.Add(fixture(t, new6, "1/net/tcp6")))
	assert.Equal(t, TCPStates{TCPListen: 3}, states)
	require.NoError(t, states.Add(fixture(t, old3, "1/net/tcp6")))
	assert.Equal(t, TCPStates{TCPListen: 3, TCPClosed: 2}, states, "counts add up")
}

func TestTCPStatesOfEachLine(t *testing.T) {
	var states TCPStates
	const before, after = " 1: 0100007F:4A38 00000000:0000 ", " 00000000:00000000 00:00000000\n"
	for _, state := range []string{"01", "06", "06", "08", "0B", "0C"} {
		require.NoError(t, states.Add([]byte(before+state+after)))
	}
	assert.Equal(t, TCPStates{TCPEstablished: 1, TCPTimeWait: 2, TCPCloseWait: 1, TCPClosing: 1, TCPSynReceived: 1}, states)
	for _, state := range []string{"00", "0D", "0a", "10", "A", "", "001"} {
		require.ErrorIs(t, states.Add([]byte(before+state+after)), ErrFormat, state)
	}
}

func TestTCPStatesDoNotAllocate(t *testing.T) {
	var states TCPStates
	data := fixture(t, new6, "1/net/tcp")
	assert.Zero(t, testing.AllocsPerRun(10, func() { _ = states.Add(data) }))
}

func FuzzTCPStates(f *testing.F) {
	f.Add(fixture(f, new6, "1/net/tcp"))
	f.Add(fixture(f, old3, "1/net/tcp6"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var states TCPStates
		if err := states.Add(data); err != nil {
			require.ErrorIs(t, err, ErrFormat)
		}
		assert.Zero(t, states[0], "no state has the number 0")
	})
}
