// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sessionActs() map[string]func(args []string) error {
	return map[string]func(args []string) error{"session": serveSession}
}

// replyDescriptor is where a session answers. The descriptor that says an actor is ready comes before it.
const replyDescriptor = readyDescriptor + 1

// serveSession does the acts that it reads, one a line, and says after each how it went.
func serveSession([]string) error {
	all, replies := acts(), os.NewFile(replyDescriptor, "replies")
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var words, reply []string
		if err := json.Unmarshal(lines.Bytes(), &words); err != nil {
			return err
		}
		act, ok := all[words[0]]
		if !ok {
			reply = append(reply, "no act "+words[0])
		} else if err := act(words[1:]); err != nil {
			reply = append(reply, err.Error())
		}
		line, _ := json.Marshal(reply)
		if _, err := replies.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return errors.Join(lines.Err())
}

// session is an actor in a fresh cgroup that does one act after the other, and a cgroup beside where nothing happens. So
// acts can be done where others have put the actor, and many need no more than one process.
type session struct {
	h           *host
	dir, beside string
	begin       io.Writer
	replies     *bufio.Reader
	slots       map[string]uint32 // by directory
	before      Counters
	names       [bpfCountCOUNTS]string
}

// session starts a session of the executable, or of the test binary as it is named.
func (h *host) session(t *testing.T, executable ...string) *session {
	t.Helper()
	path := append(executable, "/proc/self/exe")[0]
	s := &session{h: h, dir: h.cgroup(t), beside: h.cgroup(t), names: countNames(t), slots: map[string]uint32{}}
	h.prepare(t, s.beside, "sleep")
	replies, theirs, err := os.Pipe()
	require.NoError(t, err)
	a := &actor{cmd: exec.Command(path)}
	a.cmd.ExtraFiles = []*os.File{nil, theirs}
	a.cmd.Env = append(os.Environ(), actVariable+"=session")
	a.start(t, s.dir)
	require.NoError(t, theirs.Close())
	t.Cleanup(func() { _ = replies.Close() })
	_, err = a.begin.Write([]byte{'\n'})
	require.NoError(t, err)
	s.begin, s.replies = a.begin, bufio.NewReader(replies)
	s.do(t, "nothing")
	return s
}

// do does an act without looking at what it counts.
func (s *session) do(t *testing.T, act string, args ...string) (counted Counters) {
	t.Helper()
	line, err := json.Marshal(append([]string{act}, args...))
	require.NoError(t, err)
	_, err = s.begin.Write(append(line, '\n'))
	require.NoError(t, err)
	answer, err := s.replies.ReadBytes('\n')
	require.NoError(t, err, "%s", act)
	var reply []string
	require.NoError(t, json.Unmarshal(answer, &reply))
	require.Empty(t, reply, "%s %q", act, args)
	now := s.counted(t, s.dir)
	counted.Since(&now, &s.before)
	s.before = now
	return counted
}

// counted is as that of the host, but looks for slots only once.
func (s *session) counted(t *testing.T, dir string) (c Counters) {
	t.Helper()
	if s.slots[dir] == 0 {
		id := inodeOf(dir)
		for slot := range s.h.probe.Slots() {
			if slot.Cgroup == id {
				s.slots[dir] = slot.Number
			}
		}
	}
	if s.slots[dir] != 0 {
		require.NoError(t, s.h.probe.Read(s.slots[dir], &c))
	}
	return c
}

// expect does an act and demands exactly these counts, and none in the cgroup beside.
func (s *session) expect(t *testing.T, want map[Count]uint32, act string, args ...string) (counted Counters) {
	t.Helper()
	counted = s.do(t, act, args...)
	names, expected, got := &s.names, map[string]uint32{}, map[string]uint32{}
	for count, n := range want {
		if n != 0 {
			expected[names[count]] = n
		}
	}
	for i, n := range counted.Counts {
		if n != 0 && !slices.Contains(noisy(), Count(i)) {
			got[names[i]] = n
		}
	}
	assert.Equal(t, expected, got, "%s %q", act, args)
	beside := s.counted(t, s.beside)
	for i, n := range beside.Counts {
		if !slices.Contains(noisy(), Count(i)) {
			assert.Zero(t, n, "%s of the cgroup beside", names[i])
		}
	}
	return counted
}

// distinct estimates how many things of each kind an act meets.
func (s *session) distinct(t *testing.T, act string, args ...string) (d Distinct, counted Counters) {
	t.Helper()
	id := inodeOf(s.dir)
	begin := func() {
		require.NoError(t, s.h.probe.BeginTick(time.Now(), sinceBoot()))
		for slot := range s.h.probe.Slots() {
			if slot.Cgroup == id {
				d = Distinct{}
				require.NoError(t, s.h.probe.TakeDistinct(slot.Number, &d))
			}
		}
	}
	begin()
	counted = s.do(t, act, args...)
	begin()
	return d, counted
}

// renamed names the test binary otherwise.
func renamed(t *testing.T, name string) (path string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), name)
	if os.Link(self, path) == nil {
		return path
	}
	data, err := os.ReadFile(self)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data, 0o755))
	return path
}

// countNames are the names of the counters in bpf/shared.h; those of classes have the name of the counter of the first.
func countNames(t *testing.T) (names [bpfCountCOUNTS]string) {
	t.Helper()
	spec, err := loadBpf()
	require.NoError(t, err)
	var enum *btf.Enum
	require.NoError(t, spec.Types.TypeByName("count", &enum))
	for _, value := range enum.Values {
		if value.Value < uint64(len(names)) && !strings.HasSuffix(value.Name, "_LAST") {
			names[value.Value] = value.Name
		}
	}
	for i, name := range names {
		if name == "" {
			first, _, _ := strings.Cut(names[i-1], "+")
			names[i] = first + "+" + strconv.Itoa(i-slices.Index(names[:], first))
		}
	}
	return names
}
