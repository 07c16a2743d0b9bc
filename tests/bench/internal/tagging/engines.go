// SPDX-License-Identifier: Apache-2.0

package tagging

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/processors/rules"
	"github.com/nodesec/nodesec/tests/bench/internal/measure"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
)

// single is a condition that all engines can say, typical one with several features and a name, as most of the default pack.
func single(i, _ int) string { return fmt.Sprintf("f%d > 98", i) }

func typical(i, n int) string {
	return fmt.Sprintf(`f%d > 98 && (f%d > 5 || f%d / (f%d + 1) > 2) && namespace != "kube-system"`, i, (i+1)%n, (i+2)%n, (i+3)%n)
}

// withPast is typical, but a quarter of the rules have a past, as of the default pack.
func withPast(i, n int) string {
	switch i % 20 {
	case 3:
		return fmt.Sprintf(`sum(f%d, "5m") > 50000 && f%d > 3`, i, i)
	case 7:
		return fmt.Sprintf(`zscore(f%d) > 6 && f%d > 3`, i, i)
	case 11:
		return fmt.Sprintf(`prev(f%d) < 1 && rate(f%d) > 98`, i, i)
	case 15:
		return fmt.Sprintf(`max(f%d, "10m") > 99 && avg(f%d, "10m") > 98`, i, i)
	case 19:
		return fmt.Sprintf(`last(f%d, "2m") > 99`, i)
	}
	return typical(i, n)
}

// value makes some conditions true, of one container in a hundred.
func value(container, feature int) int64 {
	if container%100 != 0 {
		return int64((container*7 + feature*13) % 99)
	}
	return int64((container*7 + feature*13) % 100)
}

// names are those of the features that the conditions are about.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint("f", i)
	}
	return list
}

// engines compares what a rule costs per entity: ours, contrib's, CEL as it comes, and Go.
func engines(ctx context.Context, o Options, log *slog.Logger) (report.Table, error) {
	t := report.Table{
		Title:   fmt.Sprintf("Rules: %d conditions over samples of %d containers", o.Rules, o.Entities),
		Columns: []string{"engine", "conditions", "ns per rule and entity", "target", "allocations per rule and entity", "target"},
		Note: "CPU time, the median of " + fmt.Sprint(o.Rounds) + " rounds. The processors get samples as pdata, a point per feature, and pay for reading " +
			"them and for tagging; CEL and Go get numbers. OTTL can not name two features in one condition: over data points each statement looks " +
			"at each point; over attributes the features were made attributes of the resource before, which is not counted. " +
			"Conditions are true for one container in a hundred. A rule with a past looks at former samples (sum, zscore, prev, rate, max, avg, last).",
	}
	add := func(engine, conditions string, cost measure.Cost, ours bool) {
		evaluations := float64(o.Rules * o.Entities)
		ns, allocations := float64(cost.CPU)/evaluations, float64(cost.Allocations)/evaluations
		verdicts := [2]string{}
		if ours {
			verdicts = [2]string{report.AtMost(ns, targetRule, " ns"), report.AtMost(allocations, targetAllocations, "")}
		}
		t.Add(engine, conditions, report.Number(ns), verdicts[0], report.Number(allocations), verdicts[1])
		log.Info("evaluated", "engine", engine, "conditions", conditions, "ns", ns, "allocations", allocations)
	}
	for _, set := range []struct {
		name      string
		condition func(i, n int) string
	}{{"a comparison each", single}, {"several features and a name", typical}, {"the same, a quarter with a past", withPast}} {
		cost, err := ourCost(ctx, o, set.condition)
		if err != nil {
			return t, err
		}
		add("nodesec rules", set.name, cost, true)
	}
	for _, peer := range []struct {
		engine, conditions string
		cost               func(context.Context, Options) (measure.Cost, error)
	}{
		{"transform processor (OTTL), over data points", "a comparison each", pointsCost},
		{"transform processor (OTTL), over attributes", "a comparison each", attributesCost(single)},
		{"transform processor (OTTL), over attributes", "several features and a name", attributesCost(typical)},
		{"CEL as it comes", "a comparison each", celCost(single)},
		{"CEL as it comes", "several features and a name", celCost(typical)},
		{"Go, written for it", "several features and a name", goCost},
	} {
		cost, err := peer.cost(ctx, o)
		if err != nil {
			return t, fmt.Errorf("%s: %w", peer.engine, err)
		}
		add(peer.engine, peer.conditions, cost, false)
	}
	return t, nil
}

// samples are those of all containers at a time.
func (o Options) samples(at time.Time) []pmetric.Metrics {
	md := pmetric.NewMetrics()
	for c := range o.Entities {
		addSample(md, "noderesource", c, at, names(o.Rules), func(f int) int64 { return value(c, f) })
	}
	return []pmetric.Metrics{md}
}

func ourCost(ctx context.Context, o Options, condition func(i, n int) string) (_ measure.Cost, err error) {
	var text strings.Builder
	text.WriteString("rules:\n")
	for i := range o.Rules {
		fmt.Fprintf(&text, "  - {name: r%d, description: d, severity: WARN, scope: container, condition: %q}\n", i, condition(i, o.Rules))
	}
	folder, err := os.MkdirTemp("", "nodesec-bench-")
	if err != nil {
		return measure.Cost{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	file := filepath.Join(folder, "rules.yaml")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return measure.Cost{}, err
	}
	c := component{rules.NewFactory(), map[string]any{"pack": "none", "files": []any{file}, "extra_features": []any{"f[0-9]+"}}}
	return c.cost(ctx, o, o.samples)
}

// pointsCost is that of a statement per condition over all data points.
func pointsCost(ctx context.Context, o Options) (measure.Cost, error) {
	var statements []any
	for i := range o.Rules {
		statements = append(statements, fmt.Sprintf(`set(resource.attributes["r%d"], true) where metric.name == "f%d" and datapoint.value_int > 98`, i, i))
	}
	c := component{transformprocessor.NewFactory(), map[string]any{
		"error_mode":        "propagate",
		"metric_statements": []any{map[string]any{"context": "datapoint", "statements": statements}},
	}}
	o.Entities = max(1, o.Entities/20) // it takes so long
	cost, err := c.cost(ctx, o, o.samples)
	return measure.Cost{CPU: cost.CPU * 20, Allocations: cost.Allocations * 20}, err
}

// attributesCost is that of a statement per condition over resources that have the features as attributes.
func attributesCost(condition func(i, n int) string) func(context.Context, Options) (measure.Cost, error) {
	return func(ctx context.Context, o Options) (measure.Cost, error) {
		var statements []any
		for i := range o.Rules {
			statements = append(statements, fmt.Sprintf(`set(resource.attributes["r%d"], true) where %s`, i, asOTTL(condition(i, o.Rules), o.Rules)))
		}
		c := component{transformprocessor.NewFactory(), map[string]any{
			"error_mode":        "propagate",
			"metric_statements": []any{map[string]any{"context": "resource", "statements": statements}},
		}}
		return c.cost(ctx, o, func(at time.Time) []pmetric.Metrics {
			batches := o.samples(at)
			for i, rm := range batches[0].ResourceMetrics().All() {
				for f, name := range names(o.Rules) {
					rm.Resource().Attributes().PutInt(name, value(i, f))
				}
			}
			return batches
		})
	}
}

// asOTTL says the condition over attributes.
func asOTTL(condition string, n int) string {
	for i := n - 1; i >= 0; i-- {
		name := fmt.Sprint("f", i)
		for _, after := range []string{" ", ")"} {
			condition = strings.ReplaceAll(condition, name+after, fmt.Sprintf("resource.attributes[\"F%d\"]%s", i, after))
		}
	}
	return strings.NewReplacer(`["F`, `["f`, "&&", "and", "||", "or", "namespace", `resource.attributes["k8s.namespace.name"]`).Replace(condition)
}

// celCost is that of programs of cel-go, each with an activation that holds the features by name.
func celCost(condition func(i, n int) string) func(context.Context, Options) (measure.Cost, error) {
	return func(_ context.Context, o Options) (measure.Cost, error) {
		options := []cel.EnvOption{cel.Variable("name", cel.StringType)}
		for _, name := range names(o.Rules) {
			options = append(options, cel.Variable(name, cel.DoubleType))
		}
		env, err := cel.NewEnv(options...)
		if err != nil {
			return measure.Cost{}, err
		}
		var programs []cel.Program
		for i := range o.Rules {
			ast, issues := env.Compile(doubles(condition(i, o.Rules)))
			if issues.Err() != nil {
				return measure.Cost{}, issues.Err()
			}
			program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
			if err != nil {
				return measure.Cost{}, err
			}
			programs = append(programs, program)
		}
		return repeat(o, func() error {
			sample := map[string]any{"name": "shop"}
			for c := range o.Entities {
				for f, name := range names(o.Rules) {
					sample[name] = float64(value(c, f))
				}
				for _, program := range programs {
					if _, _, err := program.Eval(sample); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
}

// doubles makes the numbers of a condition floating-point ones.
func doubles(condition string) string {
	return strings.NewReplacer("> 98", "> 98.0", "> 5 ", "> 5.0 ", "+ 1)", "+ 1.0)", "> 2)", "> 2.0)", "namespace", "name").Replace(condition)
}

// goCost is that of the typical conditions as functions.
func goCost(_ context.Context, o Options) (measure.Cost, error) {
	n := o.Rules
	var list []func(f []float64, namespace string) bool
	for i := range n {
		j, k, l := (i+1)%n, (i+2)%n, (i+3)%n
		list = append(list, func(f []float64, namespace string) bool {
			return f[i] > 98 && (f[j] > 5 || f[k]/(f[l]+1) > 2) && namespace != "kube-system"
		})
	}
	sample, fired := make([]float64, n), 0
	cost, err := repeat(o, func() error {
		for c := range o.Entities {
			for f := range sample {
				sample[f] = float64(value(c, f))
			}
			for _, rule := range list {
				if rule(sample, "shop") {
					fired++
				}
			}
		}
		return nil
	})
	if fired == 0 {
		return cost, errors.New("no condition was ever true")
	}
	return cost, err
}

// repeat measures work that stands for a tick.
func repeat(o Options, work func() error) (measure.Cost, error) {
	var cpu []time.Duration
	var allocations []uint64
	for range o.Rounds {
		cost, err := measure.Of(func() error {
			for range o.Ticks {
				if err := work(); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return measure.Cost{}, err
		}
		cpu, allocations = append(cpu, cost.CPU/time.Duration(o.Ticks)), append(allocations, cost.Allocations/uint64(o.Ticks))
	}
	return measure.Cost{CPU: measure.Median(cpu), Allocations: measure.Median(allocations)}, nil
}
