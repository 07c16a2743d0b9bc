// SPDX-License-Identifier: Apache-2.0

package export

import (
	"fmt"
	"strings"
	"time"
)

// datasheet answers the questions of "Datasheets for Datasets" (Gebru et al. 2021) as far as the data themselves can.
func (c *card) datasheet() string {
	o := c.source.options
	var b strings.Builder
	say := func(format string, arguments ...any) { fmt.Fprintf(&b, format+"\n", arguments...) }
	say("# %s\n", inline(o.Name))
	say("Labelled samples of the scope %s: a row per entity and %s, from %s to %s.\n", o.Scope, c.rowMeaning(),
		o.From.UTC().Format(time.RFC3339), o.To.UTC().Format(time.RFC3339))
	say("License: %s. Creator: %s. Made by nodesecctl %s.\n", inline(o.License), inline(o.Creator), inline(c.exporter.Version))
	say("## Composition\n\n| split | label | technique | rows |\n|---|---|---|---|")
	for _, n := range c.result.Counts {
		say("| %s | %s | %s | %d |", n.Split, inline(n.Label), inline(n.Technique), n.Rows)
	}
	say("\n%d features in `data/`, named in `dictionary.csv`. A missing value is NaN, never 0. Beside each file of `data/` stands one of `side/` with "+
		"the same rows in the same order: who and when, the rest of the ground truth, the tags of rules, and features that are not for training.\n",
		len(c.source.featureNames()))
	say("## Split\n\n%s\n", c.splitMeaning())
	say("`splits.json` says where everything went. `scaler.json` has statistics of the training split alone.\n")
	say("## Labels\n\nA row's label is that of the strongest annotation (attack, overload, admin, benign) that touches its tick. Rows at the edge of a " +
		"window are left out: those where a stronger window touches the tick or its neighbour, but neither half of the window lies in the tick nor " +
		"half of the tick in the window. So are rows without a label.\n")
	c.checked(say)
	say("## Limitations\n\n- Attacks that a lab acts out are harmless versions of real ones, on few hosts, for seconds: what a model learns from them " +
		"need not hold for real attackers.\n- Labels are as good as the windows: see the alignment above.\n- All data come from the hosts that " +
		"were sampled, with their kernel, load and configuration.\n- Names of processes, pods and images in `side/` can identify people or organisations.")
	return b.String()
}

func (c *card) rowMeaning() string {
	if c.source.options.Window == 1 {
		return "tick of " + c.interval.String()
	}
	return fmt.Sprintf("window of %d ticks of %s", c.source.options.Window, c.interval)
}

func (c *card) splitMeaning() string {
	o := c.source.options
	shares := fmt.Sprintf("train, validation and test have %g, %g and %g of them, decided by the seed %d", o.Shares[0], o.Shares[1], o.Shares[2], o.Seed)
	return map[string]string{
		"none":      "Nothing is split.",
		"run":       "All rows of a run stay together. Of the runs of each scenario, " + shares + ".",
		"scenario":  "All rows of a scenario stay together. Of the scenarios of each label, " + shares + ".",
		"technique": "Runs with a technique that was held out are in test alone. Of the other runs of each scenario, " + shares + "; of attacks none is in test.",
		"workload":  "All rows of a workload stay together; " + shares + ".",
		"time":      "All rows of a run (or of an entity outside of runs) stay together, by when it began: the earliest are train, the latest test.",
	}[o.Split]
}

// checked tells what the check found.
func (c *card) checked(say func(string, ...any)) {
	r := c.result.Report
	if r == nil {
		say("## Check for leaks\n\n**Not made.**\n")
		return
	}
	constant, missing := 0, 0
	for _, q := range r.Columns {
		if q.Constant {
			constant++
		}
		if q.Missing > 0 {
			missing++
		}
	}
	say("## Check for leaks\n\n%d of %d rows were looked at; %d have the same features and label as another one. %d columns never change, %d have "+
		"missing values. %d windows have a mark, seen at most %d ticks late. `check.json` has all.\n", r.Rows, r.Total, r.Duplicates, constant, missing, r.Marks, r.Late)
	say("| the columns that alone tell most | AUC |\n|---|---|")
	for _, s := range r.Separation[:min(10, len(r.Separation))] {
		say("| %s | %.3f |", inline(s.Column), s.AUC)
	}
	say("")
	for _, f := range r.Accepted {
		say("- Accepted: `%s`: %s. Reason: %s", inline(f.Check), inline(f.Text), inline(f.Reason))
	}
	for _, f := range r.Warnings {
		say("- Warning: `%s`: %s", inline(f.Check), inline(f.Text))
	}
	say("")
}

// inline makes a text harmless in Markdown: names come from the hosts that were sampled.
func inline(text string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "|", "\\|", "<", "&lt;", "`", "'", "[", "\\[", "*", "\\*").Replace(text)
}
