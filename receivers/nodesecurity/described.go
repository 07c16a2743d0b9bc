// SPDX-License-Identifier: Apache-2.0

package nodesecurity

import (
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	vocabulary "github.com/nodesec/nodesec/internal/feature"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/posture"
	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/probe"
)

// The groups of features that no BPF program counts.
const (
	groupPosture = "posture"
	groupQuality = "quality"
)

// Features describes the features of all metrics that are on by default, in the order of their groups.
func Features() ([]vocabulary.Description, error) {
	c, err := readCatalogue()
	if err != nil {
		return nil, err
	}
	list := make([][]vocabulary.Description, probe.Groups)
	for _, f := range featureList() {
		for _, value := range valuesOf(c.find(f.metric)) {
			if tells(f.metric, value) {
				group := groupOf(&f, value)
				list[group] = append(list[group], describe(c.find(f.metric), value, group.String(), scopesOf(f.nodeOnly)))
			}
		}
	}
	for place, value := range c.find("nodesec.distinct").values {
		group := groupOfDistinct(place)
		list[group] = append(list[group], describe(c.find("nodesec.distinct"), value, group.String(), scopesOf(false)))
	}
	const group = probe.GroupSyscalls
	list[group] = append(list[group], describe(c.find("nodesec.syscall.entropy"), "", group.String(), scopesOf(false)))
	var all []vocabulary.Description
	for _, of := range list {
		all = append(all, of...)
	}
	return append(append(all, describePosture(c)...), describeQuality(c)...), nil
}

func describePosture(c catalogue) (all []vocabulary.Description) {
	for _, d := range posture.Catalogue() {
		m, scopes := c.find(d.Name), []string{string(d.Scope)}
		if len(d.Values) == 0 {
			all = append(all, describe(m, "", groupPosture, scopes))
		}
		for _, value := range d.Values {
			one := describe(m, value.Name, groupPosture, scopes)
			one.Text = value.Text + " " + m.description
			all = append(all, one)
		}
	}
	running := c.find("nodesec.posture.containers")
	for _, value := range running.values {
		all = append(all, describe(running, value, groupPosture, []string{string(posture.ScopeNode)}))
	}
	return all
}

func describeQuality(c catalogue) (all []vocabulary.Description) {
	for i := range c {
		m := &c[i]
		if !strings.HasPrefix(m.name, "nodesec.quality.") {
			continue
		}
		scopes := scopesOf(m.name == "nodesec.quality.lost")
		if m.name == "nodesec.quality.attribution" {
			scopes = []string{string(posture.ScopeContainer)}
		}
		all = append(all, describe(m, "", groupQuality, scopes))
	}
	return all
}

func describe(m *metric, value, group string, scopes []string) vocabulary.Description {
	attributes := pcommon.NewMap()
	if value != "" {
		attributes.PutStr(m.attribute, value)
	}
	return vocabulary.Description{
		Name: vocabulary.Name(m.name, attributes), Scopes: scopes, Group: group, Unit: m.unit, Counter: m.sum,
		Text: textFor(m, value),
	}
}

// textFor is the metric's description without the sentences about other values: those that start with names and a colon.
func textFor(m *metric, value string) string {
	var kept []string
	for sentence := range strings.SplitSeq(strings.TrimSuffix(m.description, "."), ". ") {
		names, _, colon := strings.Cut(sentence, ": ")
		about := strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' })
		others := !slices.ContainsFunc(about, func(name string) bool { return name == value || !slices.Contains(m.values, name) })
		if !colon || !others {
			kept = append(kept, sentence)
		}
	}
	return strings.Join(kept, ". ") + "."
}

// valuesOf are the values of the metric's attribute, or the empty one if it has none.
func valuesOf(m *metric) []string {
	if m.attribute == "" {
		return []string{""}
	}
	return m.values
}

func scopesOf(nodeOnly bool) []string {
	if nodeOnly {
		return []string{string(posture.ScopeNode)}
	}
	return []string{string(posture.ScopeNode), string(posture.ScopeContainer)}
}

// groupOfDistinct is the group without which a value of nodesec.distinct is not known.
func groupOfDistinct(place int) probe.Group {
	for group := range probe.Groups {
		known := false
		distinctValues(&activity{}, 1<<group, func(at int, _ int64) { known = known || at == place })
		if !known {
			return group
		}
	}
	return probe.GroupSyscalls
}
