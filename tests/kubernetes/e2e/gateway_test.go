// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGateway has agents send to two gateways, of which one dies.
func TestGateway(t *testing.T) {
	n := newNode(t)
	n.install("--set", "mode=gateway", "--set", "gateway.resources.requests.cpu=10m")
	n.kubectl("apply", "-f", "testdata/workloads.yaml")
	for _, part := range []struct {
		name string
		run  func(*node)
	}{
		{"a gateway dies", (*node).gatewayDies},
		{"ClickHouse is away", (*node).clickHouseIsAway},
		{"without a certificate", (*node).withoutCertificate},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(n.as(t)) })
	}
	if t.Failed() {
		n.explain()
	}
	t.Run("uninstall", func(t *testing.T) { n.as(t).uninstall() })
}

// db are the rows of a container that does the same all the time.
const db = samples + ` AND container = 'db'`

// whole checks that no tick between the times lacks its row. What may be doubled is said in the chart: with batches, those
// samples of which a dying gateway could not tell that they are stored.
func (n *node) whole(from, to time.Time) {
	n.t.Helper()
	span := fmt.Sprintf(` AND ts BETWEEN fromUnixTimestamp64Milli(%d) AND fromUnixTimestamp64Milli(%d)`, from.UnixMilli(), to.UnixMilli())
	n.eventually(60*time.Second, `SELECT count() AS n FROM `+db+fmt.Sprintf(` AND ts > fromUnixTimestamp64Milli(%d)`, to.UnixMilli()))
	n.eventually(60*time.Second, fmt.Sprintf(`SELECT uniqExact(ts) >= %d AS n FROM %s`, int(to.Sub(from).Seconds()), db+span))
	n.t.Logf("%.0f ticks, %.0f of them doubled", n.number(`SELECT uniqExact(ts) AS n FROM `+db+span),
		n.number(`SELECT count() - uniqExact(ts) AS n FROM `+db+span))
}

func (n *node) gateways() []string {
	return strings.Fields(n.kubectl("get", "pods", "-n", namespace, "-l", "app.kubernetes.io/component=gateway", "-o",
		`jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}`))
}

// gatewayDies: agents go on with the other, and nothing is lost.
func (n *node) gatewayDies() {
	n.eventually(60*time.Second, `SELECT count() > 5 AS n FROM `+db)
	pods := n.gateways()
	require.Len(n.t, pods, 2)
	from := time.Now()
	n.kubectl("delete", "pod", pods[0], "-n", namespace, "--force", "--grace-period=0")
	time.Sleep(15 * time.Second)
	n.whole(from, time.Now())
}

// clickHouseIsAway: agents keep what gateways can not store, until it is back.
func (n *node) clickHouseIsAway() {
	from := time.Now()
	n.server.Kill(n.t)
	time.Sleep(10 * time.Second)
	n.server.Restart(n.t)
	n.whole(from, time.Now())
}

// withoutCertificate: who has none of the chart's authority is refused.
func (n *node) withoutCertificate() {
	ip := n.kubectl("get", "pod", n.gateways()[0], "-n", namespace, "-o", "jsonpath={.status.podIP}")
	// This is about the certificate of the client, not of the server.
	conn, err := tls.Dial("tcp", net.JoinHostPort(ip, "4317"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err == nil { // in TLS 1.3 the server says so after the handshake
		_, err = conn.Read(make([]byte, 1))
		_ = conn.Close()
	}
	assert.ErrorContains(n.t, err, "certificate required")
}
