// SPDX-License-Identifier: Apache-2.0

package tagging

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/nodesec/nodesec/internal/features"
	"github.com/nodesec/nodesec/processors/rules"
	"github.com/nodesec/nodesec/processors/sample"
	"github.com/nodesec/nodesec/tests/bench/internal/report"
)

// root of the repository, seen from the folder of the benchmark.
const root = "../.."

// ofContainers are the names of the features that containers have, by receiver.
func ofContainers() (map[string][]string, error) {
	all, err := features.List(root)
	if err != nil {
		return nil, err
	}
	list := map[string][]string{}
	for _, r := range all {
		for _, f := range r.Features {
			if slices.Contains(f.Scopes, "container") {
				list[r.Name] = append(list[r.Name], f.Name)
			}
		}
	}
	if len(list) != 2 {
		return nil, errors.New("the receivers have no features of containers")
	}
	return list, nil
}

// quiet is what containers at work have: mostly zeros.
func quiet(container, feature int) int64 {
	if feature%9 != 0 {
		return 0
	}
	return int64(container + feature)
}

// withoutZeros are the features that are not zero in containers at work.
func withoutZeros(list []string) (some []string) {
	for i, name := range list {
		if quiet(1, i) != 0 {
			some = append(some, name)
		}
	}
	return some
}

// pack measures the default pack on a host full of containers.
func pack(ctx context.Context, o Options, log *slog.Logger) (report.Table, error) {
	t := report.Table{
		Title:   fmt.Sprintf("Rules: the default pack, %d containers, a tick each second", o.Containers),
		Columns: []string{"rules that look at containers", "points per container", "ms per tick", "% of a core", fmt.Sprintf("the same for %d rules", rulesOfTargetCore), "target", "allocations per tick"},
		Note:    "All features of a container in one sample, a metric each. Most are zero, as on a host at work.",
	}
	byReceiver, err := ofContainers()
	if err != nil {
		return t, err
	}
	list := slices.Concat(byReceiver["noderesource"], byReceiver["nodesecurity"])
	count, err := rulesOfContainers()
	if err != nil {
		return t, err
	}
	c := component{rules.NewFactory(), nil}
	cost, err := c.cost(ctx, o, func(at time.Time) []pmetric.Metrics {
		md := pmetric.NewMetrics()
		for c := range o.Containers {
			addSample(md, "nodesec", c, at, list, func(f int) int64 { return quiet(c, f) })
		}
		return []pmetric.Metrics{md}
	})
	if err != nil {
		return t, err
	}
	core := 100 * cost.CPU.Seconds() / secondsBetweenTick
	scaled := core * rulesOfTargetCore / float64(count)
	t.Add(fmt.Sprint(count), fmt.Sprint(len(list)), report.Number(1000*cost.CPU.Seconds()), report.Number(core), report.Number(scaled),
		report.AtMost(scaled, targetCore, " %"), fmt.Sprint(cost.Allocations))
	log.Info("evaluated", "pack", "default", "rules", count, "core", core)
	return t, nil
}

// rulesOfContainers is how many rules of the default pack look at containers.
func rulesOfContainers() (count int, err error) {
	loaded, err := rules.Load(rules.NewDefaultConfig())
	if err != nil {
		return 0, err
	}
	for _, rule := range loaded.List() {
		if slices.Contains(rule.Scopes, "container") {
			count++
		}
	}
	return count, nil
}

// blocks measures the assembly of samples out of what two receivers tell.
func blocks(ctx context.Context, o Options, log *slog.Logger) (report.Table, error) {
	t := report.Table{
		Title:   fmt.Sprintf("Sample: one out of two blocks of features, %d containers", o.Containers),
		Columns: []string{"points in the blocks", "ns per entity and block", "target", "allocations per entity and block"},
		Note:    "Of nodesecurity's features those that are not zero, which is what it sends. A metric each.",
	}
	byReceiver, err := ofContainers()
	if err != nil {
		return t, err
	}
	byReceiver["nodesecurity"] = withoutZeros(byReceiver["nodesecurity"])
	c := component{sample.NewFactory(), map[string]any{"interval": "1s"}}
	cost, err := c.cost(ctx, o, func(at time.Time) (batches []pmetric.Metrics) {
		for _, receiver := range []string{"noderesource", "nodesecurity"} {
			md := pmetric.NewMetrics()
			scope := "github.com/nodesec/nodesec/receivers/" + receiver
			for c := range o.Containers {
				addSample(md, scope, c, at, byReceiver[receiver], func(int) int64 { return int64(c) })
			}
			batches = append(batches, md)
		}
		return batches
	})
	if err != nil {
		return t, err
	}
	each := float64(2 * o.Containers)
	ns := float64(cost.CPU) / each
	t.Add(fmt.Sprintf("%d and %d", len(byReceiver["noderesource"]), len(byReceiver["nodesecurity"])), report.Number(ns),
		report.AtMost(ns, targetBlock, " ns"), report.Number(float64(cost.Allocations)/each))
	log.Info("assembled", "ns", ns)
	return t, nil
}
