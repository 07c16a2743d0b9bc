// SPDX-License-Identifier: Apache-2.0

package detections

import (
	"context"
	"errors"
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/plogtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/connectors/detections/internal/metadata"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// rig is a connector, what it hands on, and the time.
type rig struct {
	*detections
	sink *consumertest.LogsSink
	at   time.Time
	err  error // of the next component
}

func newRig(t testing.TB, change func(*Config)) *rig {
	cfg := createDefaultConfig().(*Config)
	if change != nil {
		change(cfg)
	}
	require.NoError(t, cfg.Validate())
	r := &rig{sink: new(consumertest.LogsSink), at: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	next, err := consumer.NewLogs(func(ctx context.Context, logs plog.Logs) error {
		if r.err != nil {
			return r.err
		}
		return r.sink.ConsumeLogs(ctx, logs)
	}, consumer.WithCapabilities(consumer.Capabilities{MutatesData: true}))
	require.NoError(t, err)
	r.detections, err = newConnector(cfg, connectortest.NewNopSettings(metadata.Type), next, func() time.Time { return r.at })
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	return r
}

// send sends a sample of a container at which rules fire, 10 seconds after the one before. It returns what comes out, a
// line per record: event, container, rule.
func (r *rig) send(t testing.TB, container string, rules ...string) []string {
	r.at = r.at.Add(10 * time.Second)
	return r.sendNow(t, container, rules...)
}

func (r *rig) sendNow(t testing.TB, container string, rules ...string) []string {
	r.sink.Reset()
	md := pmetric.NewMetrics()
	tagged(md, container, r.at, rules...)
	require.NoError(t, r.ConsumeMetrics(t.Context(), md))
	return r.lines()
}

func (r *rig) lines() (lines []string) {
	for _, logs := range r.sink.AllLogs() {
		for _, rl := range logs.ResourceLogs().All() {
			id, _ := rl.Resource().Attributes().Get("container.id")
			for _, record := range rl.ScopeLogs().At(0).LogRecords().All() {
				rule, _ := record.Attributes().Get(ruleName)
				line := strings.TrimPrefix(record.EventName(), "nodesec.detection.") + " " + id.Str() + " " + rule.Str()
				if reason, ok := record.Attributes().Get(detectionEndReason); ok {
					line += " " + reason.Str()
				}
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// tagged appends a sample as the processor rules tags it. The severity of a rule is the end of its name, or ERROR.
func tagged(md pmetric.Metrics, container string, at time.Time, rules ...string) {
	rm := md.ResourceMetrics().AppendEmpty()
	attributes := rm.Resource().Attributes()
	attributes.PutStr("container.id", container)
	attributes.PutStr("k8s.namespace.name", "shop")
	p := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty()
	p.SetTimestamp(pcommon.NewTimestampFromTime(at))
	if len(rules) == 0 {
		return
	}
	names := attributes.PutEmptySlice(attributeRules)
	evidence := attributes.PutEmptyMap(attributeEvidence)
	for _, rule := range rules {
		names.AppendEmpty().SetStr(rule)
		_, severity, found := strings.Cut(rule, "-")
		if !found {
			severity = "ERROR"
		}
		of := evidence.PutEmptyMap(rule)
		of.PutStr("description", "What "+rule+" is about.")
		of.PutStr("severity", severity)
		of.PutEmptySlice("techniques").AppendEmpty().SetStr("T1059.004")
		of.PutEmptyMap("values").PutDouble("exec_shell", 2)
	}
	attributes.PutStr(attributeSeverity, "FATAL")
	attributes.PutEmptySlice(attributeTechniques).AppendEmpty().SetStr("T1611")
}

func TestConfigErrors(t *testing.T) {
	err := (&Config{Hold: -1, MinSeverity: "warn"}).Validate()
	for _, want := range []string{
		"hold: must not be negative", "entity_ttl: must be positive", "max_active: must be at least 1, got 0", `min_severity: must be TRACE`,
	} {
		assert.ErrorContains(t, err, want)
	}
}

func TestAnAlertStartsAndEndsOnce(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Hold = 20 * time.Second })
	assert.Empty(t, r.send(t, "c"))
	assert.Equal(t, []string{"start c a", "start c b"}, r.send(t, "c", "b", "a"))
	assert.Empty(t, r.send(t, "c", "a", "b"))
	assert.Empty(t, r.send(t, "c", "b"))
	assert.Empty(t, r.send(t, "c", "b"), "held")
	assert.Equal(t, []string{"end c a cleared"}, r.send(t, "c", "b"))
	assert.Equal(t, []string{"start c a"}, r.send(t, "c", "a", "b"))
	assert.Equal(t, []string{"start d a"}, r.send(t, "d", "a"), "another entity has alerts of its own")
	assert.Equal(t, 3, r.alerts.active)
}

func TestWithoutHoldAnAlertEndsAtOnce(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Hold = 0 })
	assert.Equal(t, []string{"start c a"}, r.send(t, "c", "a"))
	assert.Empty(t, r.sendNow(t, "c"), "another part of the same tick says nothing of the rule")
	assert.Equal(t, []string{"end c a cleared"}, r.send(t, "c"))
	assert.Empty(t, r.alerts.entities)
}

func TestAlertsOfAnEntityThatIsGoneEnd(t *testing.T) {
	r := newRig(t, nil)
	r.send(t, "c", "b", "a")
	r.at = r.at.Add(5 * time.Minute)
	assert.Empty(t, r.sendNow(t, "other"))
	r.at = r.at.Add(time.Minute)
	assert.Equal(t, []string{"end c a gone", "end c b gone"}, r.sendNow(t, "other"))
	assert.Empty(t, r.alerts.entities)
}

func TestAWrongClockOfOneSenderEndsNoAlertOfOthers(t *testing.T) {
	r := newRig(t, nil)
	for _, container := range []string{"c", "d", "e"} {
		r.send(t, container, "a")
	}
	right := r.at
	r.at = r.at.Add(24 * time.Hour)
	assert.Equal(t, []string{"end c a cleared"}, r.sendNow(t, "c"), "it is the only one that is told to be over")
	r.at = right
	assert.Empty(t, r.send(t, "d", "a"))
	assert.Equal(t, []string{"start c a"}, r.send(t, "c", "a"))
	assert.Empty(t, r.send(t, "c", "a"))
}

func TestAlertsAreBounded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MaxActive = 2 })
	r.send(t, "c", "a")
	r.send(t, "d", "a")
	r.send(t, "c", "a")
	assert.Equal(t, []string{"end d a full", "start e a"}, r.send(t, "e", "a"))
	assert.Equal(t, []string{"end c a full", "start e b"}, r.send(t, "e", "a", "b"))
	assert.Equal(t, []string{"end e a full", "start e c"}, r.send(t, "e", "c"))
	assert.Equal(t, 2, r.alerts.active)
	assert.Len(t, r.alerts.entities, 1)
}

func TestMinSeverity(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MinSeverity = "WARN" })
	assert.Equal(t, []string{"start c a-WARN", "start c b-FATAL"}, r.send(t, "c", "a-WARN", "b-FATAL", "c-INFO", "d-DEBUG"))
}

func TestWithoutEvidenceTheSampleSpeaksForItsRules(t *testing.T) {
	md := pmetric.NewMetrics()
	tagged(md, "c", time.Unix(1, 0), "a")
	attributes := md.ResourceMetrics().At(0).Resource().Attributes()
	attributes.Remove(attributeEvidence)
	all := firings(attributes)
	require.Len(t, all, 1)
	assert.Equal(t, plog.SeverityNumberFatal, all[0].severity)
	assert.Equal(t, []string{"T1611"}, all[0].techniques)
	assert.False(t, all[0].hasValues)
}

func TestRecordsThatAreRefusedGoWithTheNextOnes(t *testing.T) {
	r := newRig(t, nil)
	r.err = errors.New("try again")
	assert.Empty(t, r.send(t, "c", "a"))
	assert.Empty(t, r.send(t, "c", "a"))
	r.err = nil
	assert.Equal(t, []string{"start c a", "start d b"}, r.send(t, "d", "b"))
	r.err = consumererror.NewPermanent(errors.New("never"))
	assert.Empty(t, r.send(t, "e", "a"))
	r.err = nil
	assert.Empty(t, r.send(t, "e", "a"), "lost, and counted")
	r.err = errors.New("try again")
	r.send(t, "f", "a")
	r.err = nil
	r.sink.Reset()
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, []string{"start f a"}, r.lines())
}

func TestRestartStartsWhatStillFiresAgain(t *testing.T) {
	r := newRig(t, nil)
	assert.Equal(t, []string{"start c a"}, r.send(t, "c", "a"))
	r.sink.Reset()
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Empty(t, r.lines(), "an alert is not over because the collector is")
	restarted := newRig(t, nil)
	restarted.at = r.at
	assert.Equal(t, []string{"start c a"}, restarted.send(t, "c", "a"))
}

func TestResourcesOfUnknownKindAreToldApartWithoutTheirTags(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Hold = 0 })
	send := func(rules ...string) int {
		r.at = r.at.Add(10 * time.Second)
		md := pmetric.NewMetrics()
		tagged(md, "", r.at, rules...)
		md.ResourceMetrics().At(0).Resource().Attributes().Remove("container.id")
		r.sink.Reset()
		require.NoError(t, r.ConsumeMetrics(t.Context(), md))
		return r.sink.LogRecordCount()
	}
	assert.Equal(t, 1, send("a"))
	assert.Equal(t, 1, send("a", "b"), "the tags do not make it another one")
	assert.Equal(t, 2, send())
}

func TestRecords(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Hold = 0 })
	r.writer.version = "test"
	for _, rules := range [][]string{{"shell", "posture-INFO2"}, {"shell"}, nil} {
		r.at = r.at.Add(10 * time.Second)
		md := pmetric.NewMetrics()
		tagged(md, "c", r.at, rules...)
		require.NoError(t, r.ConsumeMetrics(t.Context(), md))
	}
	got := plog.NewLogs()
	for _, logs := range r.sink.AllLogs() {
		logs.ResourceLogs().MoveAndAppendTo(got.ResourceLogs())
	}
	path := filepath.Join("testdata", "records.yaml")
	if *update {
		require.NoError(t, golden.WriteLogsToFile(path, got))
	}
	want, err := golden.ReadLogs(path)
	require.NoError(t, err)
	require.NoError(t, plogtest.CompareLogs(want, got, plogtest.IgnoreResourceLogsOrder()))
}

func BenchmarkQuiet(b *testing.B) {
	r := newRig(b, nil)
	r.send(b, "other", "a")
	md := pmetric.NewMetrics()
	for range 110 {
		tagged(md, "c", r.at)
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = r.ConsumeMetrics(b.Context(), md)
	}
}
