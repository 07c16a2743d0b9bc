// SPDX-License-Identifier: Apache-2.0

package classes

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

// load reads a configuration the way the collector does.
func load(t testing.TB, yaml string) Config {
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	config := NewDefaultConfig()
	require.NoError(t, conf.Unmarshal(&config))
	return config
}

func compile(t testing.TB, yaml string) Tables {
	tables, err := Compile(load(t, yaml))
	require.NoError(t, err)
	return tables
}

func TestAKeyReplacesAddsOrTakesAway(t *testing.T) {
	changed := compile(t, `
executables:
  shell: [sh, mysh]
  shell+: [othersh]
  miner+: [sh]
  miner-: [xmrig]
paths:
  log: []
  history:
  credentials-: ["**/.netrc"]
ports:
  ssh+: [2222]
  dns: [5300]
networks:
  private: [10.0.0.0/8, 192.0.2.7]
`)
	assert.Equal(t, ExecutableShell.Bit()|ExecutableMiner.Bit(), changed.MatchExecutable("sh"))
	assert.Equal(t, ExecutableShell.Bit(), changed.MatchExecutable("mysh"))
	assert.Equal(t, ExecutableShell.Bit(), changed.MatchExecutable("othersh"))
	assert.Zero(t, changed.MatchExecutable("bash"))
	assert.Zero(t, changed.MatchExecutable("xmrig"))
	assert.Equal(t, ExecutableMiner.Bit(), changed.MatchExecutable("minerd"))
	assert.Zero(t, changed.MatchPath("/var/log/messages"))
	assert.Zero(t, changed.MatchPath("/srv/.zsh_history"))
	assert.Zero(t, changed.MatchPath("/srv/.netrc"))
	assert.Equal(t, PathCredentials.Bit(), changed.MatchPath("/srv/.pgpass"))
	assert.Equal(t, PortSSH.Bit(), changed.MatchPort(22))
	assert.Equal(t, PortSSH.Bit(), changed.MatchPort(2222))
	assert.Equal(t, PortDNS.Bit(), changed.MatchPort(5300))
	assert.Zero(t, changed.MatchPort(53))
	assert.Equal(t, NetworkPrivate.Bit(), changed.MatchAddr(netip.MustParseAddr("192.0.2.7")))
	assert.Zero(t, changed.MatchAddr(netip.MustParseAddr("192.168.0.1")))
}

func TestWithNetworksLeavesTheConfigurationAlone(t *testing.T) {
	config := load(t, `networks: {api_server+: [192.0.2.1]}`)
	before := config.Networks["api_server+"]
	more := config.WithNetworks(NetworkAPIServer, netip.MustParsePrefix("10.96.0.1/32"))
	assert.Equal(t, []string{"192.0.2.1"}, before)
	assert.Equal(t, map[string][]string{"api_server+": {"192.0.2.1"}}, config.Networks)
	tables, err := Compile(more)
	require.NoError(t, err)
	assert.Equal(t, NetworkAPIServer.Bit()|NetworkPrivate.Bit(), tables.MatchAddr(netip.MustParseAddr("10.96.0.1")))
	assert.Equal(t, NetworkAPIServer.Bit(), tables.MatchAddr(netip.MustParseAddr("192.0.2.1")))

	none := NewDefaultConfig()
	more = none.WithNetworks(NetworkAPIServer, netip.MustParsePrefix("10.96.0.1/32"))
	require.NoError(t, more.Validate())
}

func TestValidateNamesKeyRuleAndValue(t *testing.T) {
	for _, tt := range []struct{ name, yaml, want string }{
		{"relative path", `paths: {persistence: [/a, /b, /c, etc/cron]}`,
			`paths.persistence[3]: must be absolute or start with "**/", got "etc/cron"`},
		{"added path", `paths: {log+: [""]}`, `paths.log+[0]: must be absolute or start with "**/", got ""`},
		{"root", `paths: {log: [/]}`,
			`paths.log[0]: must not have an empty component or, if absolute, a "/" at its end, got "/"`},
		{"slash at the end", `paths: {log: [/a/]}`,
			`paths.log[0]: must not have an empty component or, if absolute, a "/" at its end, got "/a/"`},
		{"double slash", `paths: {log: [/a//b]}`,
			`paths.log[0]: must not have an empty component or, if absolute, a "/" at its end, got "/a//b"`},
		{"dots", `paths: {log: [/a/../b]}`, `paths.log[0]: must not have the component "." or "..", got "/a/../b"`},
		{"partial wildcard", `paths: {log: ["/home/a*"]}`,
			`paths.log[0]: must have "*" only as a whole component, got "/home/a*"`},
		{"wildcard anywhere", `paths: {log: ["**/*.pem"]}`,
			`paths.log[0]: must have one name without "*" after "**/", got "**/*.pem"`},
		{"two names anywhere", `paths: {log: ["**/.config/gcloud"]}`,
			`paths.log[0]: must have one name without "*" after "**/", got "**/.config/gcloud"`},
		{"nothing anywhere", `paths: {log: ["**/"]}`,
			`paths.log[0]: must not have an empty component or, if absolute, a "/" at its end, got "**/"`},
		{"long component", `paths: {log: ["**/1234567890123456789012345678"]}`,
			`paths.log[0]: must have components of at most 27 bytes, got "**/1234567890123456789012345678"`},
		{"deep path", `paths: {log: [/1/2/3/4/5/6/7/8/9/10/11/12/13]}`,
			`paths.log[0]: must have at most 12 components, got "/1/2/3/4/5/6/7/8/9/10/11/12/13"`},
		{"zero byte", `paths: {log: ["/a\0b"]}`, `paths.log[0]: must not have a zero byte, got "/a\x00b"`},
		{"directory of an executable", `executables: {shell: [sh, /bin/sh]}`,
			`executables.shell[1]: must be the name of a file without directory and wildcard, got "/bin/sh"`},
		{"empty executable", `executables: {shell: [""]}`,
			`executables.shell[0]: must be the name of a file without directory and wildcard, got ""`},
		{"port zero", `ports: {ssh+: [0]}`, `ports.ssh+[0]: must be between 1 and 65535, got 0`},
		{"large port", `ports: {ssh: [65536]}`, `ports.ssh[0]: must be between 1 and 65535, got 65536`},
		{"no prefix", `networks: {private: [home]}`,
			`networks.private[0]: must be a prefix like "10.0.0.0/8" or an address, got "home"`},
		{"host bits", `networks: {private: [10.1.2.3/8]}`,
			`networks.private[0]: must have no bits set after the prefix, as in "10.0.0.0/8", got "10.1.2.3/8"`},
		{"mapped", `networks: {private: ["::ffff:10.0.0.0/104"]}`,
			`networks.private[0]: must be written as IPv4, got "::ffff:10.0.0.0/104"`},
		{"zone", `networks: {private: ["fe80::1%eth0"]}`, `networks.private[0]: must not have a zone, got "fe80::1%eth0"`},
		{"not a member", `paths: {log-: [/var/lok]}`, `paths.log-[0]: must be a member of the class, got "/var/lok"`},
		{"not a port of it", `ports: {ssh-: [23]}`, `ports.ssh-[0]: must be a member of the class, got 23`},
		{"unknown class", `ports: {smtp: [25]}`,
			`ports.smtp: must be one of ["kubelet" "etcd" "api_server" "runtime" "miner" "ssh" "dns"], ` +
				`or one of them with a "+" or "-" at its end, got "smtp"`},
		{"misspelt class", `ports: {kublet+: [10250]}`, `got "kublet+" (did you mean "kubelet"?)`},
		{"two signs", `ports: {ssh+-: [10250]}`, `got "ssh+-" (did you mean "ssh"?)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := load(t, tt.yaml)
			err := config.Validate()
			require.Error(t, err)
			assert.Contains(t, err.Error(), tt.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestValidateReportsAllMistakes(t *testing.T) {
	config := load(t, `
executables: {shel: [sh]}
paths: {log: [a, b]}
ports: {ssh: [-1]}
networks: {private: [x]}
`)
	assert.Len(t, strings.Split(config.Validate().Error(), "\n"), 5)
}

func TestPatternsThatMultiplyAreRefused(t *testing.T) {
	config := NewDefaultConfig()
	var patterns []string
	for position := range maxComponents {
		for name := range 5 {
			components := strings.Split(strings.Repeat("*", maxComponents), "")
			components[position] = fmt.Sprintf("n%d", name)
			patterns = append(patterns, "/"+strings.Join(components, "/"))
		}
	}
	config.Paths = map[string][]string{"log+": patterns}
	require.EqualError(t, config.Validate(),
		`paths: must compile to at most 16384 nodes, got more: use "*" in fewer patterns`)
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"kublet", "kubelet", 1}, {"ssh", "shell", 4}, {"etdc", "etcd", 2}} {
		assert.Equal(t, tt.want, distance(tt.a, tt.b), "%q %q", tt.a, tt.b)
	}
}
