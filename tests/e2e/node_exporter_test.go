// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// series is one scrape of node_exporter: value by series, as in the text format.
type series map[string]float64

// sum adds up the series of the pair.
func (s series) sum(t *testing.T, p pair) (sum float64) {
	for wanted := range strings.FieldsSeq(p.series) {
		name, labels, _ := strings.Cut(strings.TrimSuffix(wanted, "}"), "{")
		found := false
		for key, value := range s {
			if rest, ok := strings.CutPrefix(key, name); ok && (rest == "" || rest[0] == '{') &&
				strings.Contains(rest, labels) && (p.without == "" || !strings.Contains(rest, p.without)) {
				sum, found = sum+value, true
			}
		}
		require.True(t, found, "node_exporter has no %s", wanted)
	}
	return sum
}

// startNodeExporter builds and starts node_exporter and returns a function that scrapes it.
func startNodeExporter(t *testing.T) func() series {
	exporter := filepath.Join(t.TempDir(), "node_exporter")
	build := exec.Command("go", "build", "-modfile=internal/tools/go.mod", "-o", exporter, "github.com/prometheus/node_exporter")
	build.Dir = "../.."
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	address := "127.0.0.1:" + strconv.Itoa(freePort(t))
	cmd := exec.Command(exporter, "--web.listen-address="+address, "--log.level=error")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return func() series { return scrape(t, address) }
}

// scrape asks for /metrics over a connection of its own, which closes at once so that it counts little.
func scrape(t *testing.T, address string) series {
	var connection net.Conn
	require.Eventually(t, func() (ok bool) {
		var err error
		connection, err = net.Dial("tcp", address)
		return err == nil
	}, 10*time.Second, 50*time.Millisecond)
	defer func() { _ = connection.Close() }()
	_, err := io.WriteString(connection, "GET /metrics HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	body, err := io.ReadAll(connection)
	require.NoError(t, err)
	result := series{}
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		if i := strings.LastIndexByte(line, ' '); i > 0 && line[0] != '#' {
			if value, err := strconv.ParseFloat(line[i+1:], 64); err == nil {
				result[line[:i]] = value
			}
		}
	}
	return result
}
