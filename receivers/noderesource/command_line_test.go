// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func arguments(list ...string) []byte { return []byte(strings.Join(list, "\x00") + "\x00") }

func TestCommandLineIsRedacted(t *testing.T) {
	jwt := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
	for _, tt := range []struct {
		name      string
		arguments []string
		want      string
	}{
		{"nothing to hide", []string{"nginx", "-g", "daemon off;"}, "nginx -g daemon off;"},
		{"a flag with its value", []string{"db", "--password=hunter2", "--port=1"}, "db --password=[redacted] --port=1"},
		{"a flag before its value", []string{"db", "--db-password", "hunter2", "x"}, "db --db-password [redacted] x"},
		{"a flag without a value", []string{"db", "--password", "--port", "1"}, "db --password --port 1"},
		{"the last flag", []string{"db", "--password"}, "db --password"},
		{"a value with spaces", []string{"db", "--secret=a b", "c"}, "db --secret=[redacted] c"},
		{"a quoted value", []string{"sh", "-c", `run TOKEN="a b" --x`}, `sh -c run TOKEN=[redacted] --x`},
		{"upper case", []string{"env", "AWS_SECRET_ACCESS_KEY=abc", "run"}, "env AWS_SECRET_ACCESS_KEY=[redacted] run"},
		{"a script", []string{"sh", "-c", "mysql --password hunter2 -h db && echo"}, "sh -c mysql --password [redacted] -h db && echo"},
		{"a URL", []string{"psql", "postgres://me:hunter2@db:5432/x?y"}, "psql postgres://me:[redacted]@db:5432/x?y"},
		{"a URL without password", []string{"curl", "http://db:80/a"}, "curl http://db:80/a"},
		{"a query", []string{"curl", "https://x/?api_key=abc"}, "curl https://x/?api_key=[redacted]"},
		{"a header", []string{"curl", "-H", "Authorization: Bearer abc.def"}, "curl -H Authorization: Bearer [redacted]"},
		{"another header", []string{"curl", "-H", "X-Auth-Token: abc"}, "curl -H X-Auth-Token: [redacted]"},
		{"curl's user", []string{"/usr/bin/curl", "-u", "me:hunter2", "x"}, "/usr/bin/curl -u [redacted] x"},
		{"mysql's password", []string{"mysql", "-phunter2", "-ume"}, "mysql -p[redacted] -ume"},
		{"sshpass", []string{"sshpass", "-p", "hunter2", "ssh", "x"}, "sshpass -p [redacted] ssh x"},
		{"-p of others", []string{"ssh", "-p", "22"}, "ssh -p 22"},
		{"a JSON Web Token", []string{"run", jwt}, "run [redacted]"},
		{"a GitHub token", []string{"git", "clone", "https://ghp_0123456789abcdefghijABCDEFGHIJ012345@github.com/x"},
			"git clone https://[redacted]@github.com/x"},
		{"an AWS key", []string{"run", "AKIAIOSFODNN7EXAMPLE"}, "run [redacted]"},
		{"a container ID", []string{"shim", "-id", strings.Repeat("0a", 32)}, "shim -id " + strings.Repeat("0a", 32)},
		{"a title", []string{"postgres: me --password=x"}, "postgres: me --password=[redacted]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, commandLine(arguments(tt.arguments...), true))
		})
	}
}

func TestCommandLineInFull(t *testing.T) {
	assert.Equal(t, "db --password=hunter2", commandLine(arguments("db", "--password=hunter2"), false))
	assert.Empty(t, commandLine(nil, false))
	assert.Empty(t, commandLine(nil, true))
}

func TestCommandLineIsValidTextOfBoundedLength(t *testing.T) {
	long := commandLine(arguments("x", strings.Repeat("ä", 2000)), true)
	assert.Len(t, long, maxCommandLine)
	assert.True(t, utf8.ValidString(long))
	long = commandLine(arguments("xx", strings.Repeat("ä", 2000)), true)
	assert.Len(t, long, maxCommandLine-1, "no half of a letter")
	assert.True(t, utf8.ValidString(commandLine([]byte("a\xff\xfe\x00b\x00"), true)))
}

func FuzzCommandLine(f *testing.F) {
	f.Add([]byte("db\x00--password\x00hunter2\x00"))
	f.Add([]byte("sh\x00-c\x00x --token 'a b' \xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		line := commandLine(data, true)
		assert.LessOrEqual(t, len(line), maxCommandLine)
		assert.True(t, utf8.ValidString(line))
		secret := commandLine(append([]byte("x\x00--password=hunter2\x00"), data...), true)
		assert.NotContains(t, secret[:min(len(secret), 20)], "hunter2")
	})
}
