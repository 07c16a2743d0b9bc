// SPDX-License-Identifier: Apache-2.0

package quickstart

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Tag is a rule that matched an entity in the last minute.
type Tag struct {
	Severity   string             `json:"severity"`
	Rule       string             `json:"rule"`
	Techniques []string           `json:"techniques"` // of ATT&CK
	Entity     string             `json:"entity"`
	Last       time.Time          `json:"last"`
	Evidence   map[string]float64 `json:"evidence"` // the numbers that made it match
}

// tagsOn is how many tags the summary shows in a terminal of so many lines: the most severe, and of those the ones that
// began last, so that what is true all the time does not hide what has just happened.
func tagsOn(lines int) int {
	const least, most, beside = 8, 100, 35
	return min(max(lines-beside, least), most)
}

// tagsQuery reads what the rules processor wrote: names into the column rules, the rest as JSON into an attribute.
const tagsQuery = `SELECT JSONExtractString(evidence, rule, 'severity') AS severity, rule,
    JSONExtract(evidence, rule, 'techniques', 'Array(String)') AS techniques, name, last,
    JSONExtractRaw(evidence, rule, 'values') AS numbers
FROM (
    SELECT arrayJoin(rules) AS rule, name, min(ts) AS first, max(ts) AS last, argMax(attributes['nodesec.evidence'], ts) AS evidence
    FROM (
        SELECT ts, entity, rules, attributes, if(pod != '', concat(namespace, '/', pod, '/', container),
            if(container != '', container, if(container_id != '', substring(container_id, 1, 12), cgroup))) AS name
        FROM nodesec.container_samples WHERE ts > now64(3) - INTERVAL 1 MINUTE AND notEmpty(rules)
        UNION ALL
        SELECT ts, entity, rules, attributes, node AS name
        FROM nodesec.node_samples WHERE ts > now64(3) - INTERVAL 1 MINUTE AND notEmpty(rules)
        UNION ALL
        SELECT ts, entity, rules, attributes, concat(process, ' ', toString(pid)) AS name
        FROM nodesec.process_samples WHERE ts > now64(3) - INTERVAL 1 MINUTE AND notEmpty(rules)
    )
    GROUP BY rule, entity, name
)
ORDER BY indexOf(['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'], severity) DESC, first DESC, last DESC, rule, name
LIMIT `

// tags returns the rules that matched in the last minute; none while one of the tables is not there yet.
func (r reader) tags(ctx context.Context, most int) ([]Tag, error) {
	var made uint64
	err := r.db.QueryRow(ctx, `SELECT count() FROM system.tables WHERE database = 'nodesec'
		AND name IN ('node_samples', 'container_samples', 'process_samples')`).Scan(&made)
	if err != nil || made < 3 {
		return nil, err
	}
	rows, err := r.db.Query(ctx, tagsQuery+strconv.Itoa(most))
	if err != nil {
		return nil, fmt.Errorf("read the tags: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var tags []Tag
	for rows.Next() {
		var t Tag
		var values string
		if err := rows.Scan(&t.Severity, &t.Rule, &t.Techniques, &t.Entity, &t.Last, &values); err != nil {
			return nil, fmt.Errorf("read the tags: %w", err)
		}
		t.Evidence = numbers(values)
		tags = append(tags, t)
	}
	return tags, rows.Err()
}

// numbers are those in a JSON object; what is no number is left out.
func numbers(object string) map[string]float64 {
	var all map[string]any
	if json.Unmarshal([]byte(object), &all) != nil {
		return nil
	}
	found := map[string]float64{}
	for key, value := range all {
		if n, ok := value.(float64); ok {
			found[key] = n
		}
	}
	return found
}

// renderTags writes the tags, if there are any.
func (s *Summary) renderTags(w io.Writer) error {
	if len(s.Tags) == 0 {
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(tw, "\ntags, last minute\trule\ttechniques\tentity\tevidence\n")
	for _, t := range s.Tags {
		_, _ = fmt.Fprintf(tw, "%s %s\t%s\t%s\t%s\t%s\n", t.Last.UTC().Format("15:04:05"), printable(t.Severity, maxName),
			printable(t.Rule, maxName), printable(techniques(t.Techniques), maxName), printable(t.Entity, maxEntity), printable(evidence(t.Evidence), maxName))
	}
	return tw.Flush()
}

// maxTechniques is how many techniques of a tag are shown.
const maxTechniques = 3

func techniques(all []string) string {
	if len(all) > maxTechniques {
		return strings.Join(all[:maxTechniques], " ") + " …"
	}
	return strings.Join(all, " ")
}

// maxEntity is how many characters of an entity's name stand beside a tag.
const maxEntity = 24

// evidence writes the numbers in the order of their names, without those that are zero if others are not: they say most.
func evidence(values map[string]float64) string {
	names := slices.Sorted(maps.Keys(values))
	isZero := func(name string) bool { return values[name] == 0 }
	if !slices.ContainsFunc(names, func(name string) bool { return !isZero(name) }) {
		isZero = func(string) bool { return false }
	}
	var parts []string
	for _, name := range slices.DeleteFunc(names, isZero) {
		parts = append(parts, name+"="+strconv.FormatFloat(values[name], 'g', 4, 64))
	}
	return strings.Join(parts, " ")
}
