// SPDX-License-Identifier: Apache-2.0

package classes

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSizesAreThoseOfTheBPFPrograms(t *testing.T) {
	assert.Equal(t, 16, binary.Size(ExecutableName{}))
	assert.Equal(t, 28, binary.Size(Component{}))
	assert.Equal(t, 32, binary.Size(PathKey{}))
	assert.Equal(t, 16, binary.Size(PathNode{}))
}

func TestOneWalkFindsWhatBacktrackingWould(t *testing.T) {
	tables := compile(t, `
paths:
  log: ["/home/*/.ssh", "/home/*/*/deep"]
  history: [/home/bob/music, /home/bob/.ssh/config]
  ssh: ["/*/bob"]
  shell_rc: ["/1234567/*"]
`)
	for path, want := range map[string]uint64{
		"/home/alice/.ssh/id":       PathLog.Bit(),
		"/home/bob/.ssh/id":         PathLog.Bit() | PathSSH.Bit(),
		"/home/bob/.ssh/config":     PathLog.Bit() | PathSSH.Bit() | PathHistory.Bit(),
		"/home/bob/music":           PathHistory.Bit() | PathSSH.Bit(),
		"/home/bob/music/deep/x":    PathHistory.Bit() | PathSSH.Bit() | PathLog.Bit(),
		"/home/bob/other/deep":      PathSSH.Bit() | PathLog.Bit(),
		"/srv/bob":                  PathSSH.Bit(),
		"/home":                     0,
		"/1234567":                  0,
		"/1234567/x":                PathShellRC.Bit(),
		"//home/./alice//.ssh/":     PathLog.Bit(),
		"home/alice/.ssh":           0, // relative
		"/home/" + long + "/.ssh/x": PathLog.Bit(),
		"/" + long + "/bob":         PathSSH.Bit(),
		"":                          0,
		"/":                         0,
	} {
		mask := PathLog.Bit() | PathHistory.Bit() | PathSSH.Bit() | PathShellRC.Bit()
		assert.Equal(t, want, tables.MatchPath(path)&mask, path)
	}
	assert.Equal(t, PathHasAny|PathHasNames, tables.PathRoot.Flags)
	plain := compile(t, "")
	assert.Equal(t, PathHasNames, plain.PathRoot.Flags)
}

const long = "a-name-of-more-than-27-bytes-is-any-name"

func TestANameCutToTheLengthOfAMemberIsNotTheMember(t *testing.T) {
	member := long[:maxComponent]
	tables := compile(t, `paths: {log: [/a/`+member+`, "**/`+member+`", "**/`+member+`/"]}`)
	assert.Equal(t, PathLog.Bit(), tables.MatchPath("/a/"+member))
	assert.Equal(t, PathLog.Bit(), tables.MatchPath("/b/"+member))
	assert.Equal(t, PathLog.Bit(), tables.MatchPath("/"+member+"/b"))
	for _, name := range []string{long, long[:maxComponent+1]} {
		assert.Zero(t, tables.MatchPath("/a/"+name))
		assert.Zero(t, tables.MatchPath("/"+name+"/b"))
	}
}

func TestExecutablesAreFoundByNameOrWithoutVersion(t *testing.T) {
	tables := compile(t, `executables: {shell: [xx], miner: [xx2], server: [abcdefghijklmnopq, a-1-b]}`)
	for name, want := range map[string]uint64{
		"xx":                ExecutableShell.Bit(),
		"xx-3.1":            ExecutableShell.Bit(),
		"xx2":               ExecutableShell.Bit() | ExecutableMiner.Bit(),
		"xx2.1":             ExecutableShell.Bit(), // the version is cut whole, there is no third try
		"abcdefghijklmno":   ExecutableServer.Bit(),
		"abcdefghijklmnoXY": ExecutableServer.Bit(),
		"abcdefghijklmn":    0,
		"a-1-b-1":           ExecutableServer.Bit(),
		"a-1":               0,
		"":                  0,
		"42":                0,
	} {
		assert.Equal(t, want, tables.MatchExecutable(name), name)
	}
}

func TestNestedPrefixesAddUp(t *testing.T) {
	tables := compile(t, `
networks:
  private: [10.0.0.0/8]
  loopback: [10.1.0.0/16, "2001:db8::/32"]
  metadata: [10.1.2.3, "2001:db8::1"]
  link_local: [0.0.0.0/0]
  multicast: []
`)
	p, l, m, n := NetworkPrivate.Bit(), NetworkLoopback.Bit(), NetworkMetadata.Bit(), NetworkLinkLocal.Bit()
	for addr, want := range map[string]uint32{
		"10.2.0.1": p | n, "10.1.9.9": p | l | n, "10.1.2.3": p | l | m | n, "192.0.2.1": n, "::ffff:10.2.0.1": p | n,
		"2001:db8::2": l, "2001:db8::1": l | m, "2001:db9::1": 0,
	} {
		assert.Equal(t, want, tables.MatchAddr(netip.MustParseAddr(addr)), addr)
	}
	assert.Equal(t, []Network{
		{netip.MustParsePrefix("0.0.0.0/0"), n},
		{netip.MustParsePrefix("10.0.0.0/8"), p | n},
		{netip.MustParsePrefix("10.1.0.0/16"), p | l | n},
		{netip.MustParsePrefix("10.1.2.3/32"), p | l | m | n},
		{netip.MustParsePrefix("2001:db8::/32"), l},
		{netip.MustParsePrefix("2001:db8::1/128"), l | m},
	}, tables.Networks)
	assert.Zero(t, tables.MatchAddr(netip.Addr{}))
}

// naiveMatch is the meaning of patterns, without tables.
func naiveMatch(patterns []string, text string) bool {
	var components []string
	for _, name := range strings.Split(text, "/") {
		if name != "" && name != "." {
			components = append(components, name)
		}
	}
	for _, pattern := range patterns {
		if matchOne(pattern, text, components) {
			return true
		}
	}
	return false
}

func matchOne(pattern, text string, components []string) bool {
	count := len(components)
	if name, ok := strings.CutPrefix(pattern, "**/"); ok {
		if directory, ok := strings.CutSuffix(name, "/"); ok {
			return count > 1 && components[count-2] == directory
		}
		return count > 0 && components[count-1] == name
	}
	if !strings.HasPrefix(text, "/") {
		return false
	}
	want := strings.Split(pattern[1:], "/")
	if len(want) > count {
		return false
	}
	for i, name := range want {
		if name != "*" && name != components[i] {
			return false
		}
	}
	return true
}

// checkPaths compiles the patterns, spread over three classes, and compares the table's answer with naiveMatch's.
func checkPaths(t *testing.T, patterns []string, paths []string) {
	classes := []PathClass{PathCredentials, PathLog, PathVolume}
	of := map[PathClass][]string{}
	for i, pattern := range patterns {
		of[classes[i%3]] = append(of[classes[i%3]], pattern)
	}
	config := NewDefaultConfig()
	config.Paths = map[string][]string{}
	for _, name := range PathClassNames() {
		config.Paths[name] = nil
	}
	for class, members := range of {
		config.Paths[class.String()] = members
	}
	tables := Tables{}
	require.NoError(t, tables.compilePaths(nil, config.Paths))
	for _, path := range paths {
		want := uint64(0)
		for class, members := range of {
			if naiveMatch(members, path) {
				want |= class.Bit()
			}
		}
		require.Equal(t, want, tables.MatchPath(path), "%q in %q", path, patterns)
	}
}

func TestTheTablesMeanWhatThePatternsSay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func(wild bool) string {
		words := []string{"a", "b", "c", ".ssh", "..", long}
		if wild {
			words = []string{"a", "b", "c", ".ssh", "*", "*"}
		}
		return words[random.IntN(len(words))]
	}
	for range 2000 {
		var patterns, paths []string
		for range 1 + random.IntN(8) {
			switch random.IntN(6) {
			case 0:
				patterns = append(patterns, "**/"+strings.ReplaceAll(word(true), "*", "d"))
			case 1:
				patterns = append(patterns, "**/"+strings.ReplaceAll(word(true), "*", "d")+"/")
			default:
				pattern := ""
				for range 1 + random.IntN(5) {
					pattern += "/" + word(true)
				}
				patterns = append(patterns, pattern)
			}
		}
		for range 30 {
			text := []string{"", "./", "//", "/", "/", "/", "/", "/"}[random.IntN(8)]
			for range random.IntN(7) {
				text += word(false) + []string{"/", "/", "/", "//", "/./"}[random.IntN(5)]
			}
			if random.IntN(4) > 0 {
				text = strings.TrimRight(text, "/")
			}
			paths = append(paths, text)
		}
		checkPaths(t, patterns, paths)
	}
}

func FuzzMatchPath(f *testing.F) {
	f.Add("/home/*/.ssh\n/home/bob/x\n**/id_rsa\n**/.aws/", "/home/bob/.ssh/id_rsa")
	f.Add("/a/*/c\n/a/b\n/*/b/d", "/a/b/c")
	f.Add("/a", "a//./b/")
	f.Fuzz(func(t *testing.T, lines, text string) {
		var patterns []string
		for line := range strings.SplitSeq(lines, "\n") {
			if _, err := parsePath(line); err == nil && len(patterns) < 12 {
				patterns = append(patterns, line)
			}
		}
		checkPaths(t, patterns, []string{text})
	})
}

func BenchmarkMatchPath(b *testing.B) {
	tables, err := Compile(NewDefaultConfig())
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		tables.MatchPath("/var/lib/kubelet/pods/5d1c/volumes/kubernetes.io~projected/kube-api-access/token")
		tables.MatchPath("/usr/share/doc/bash/copyright")
		tables.MatchPath("/home/bob/.ssh/id_ed25519")
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(NewDefaultConfig()); err != nil {
			b.Fatal(err)
		}
	}
}
