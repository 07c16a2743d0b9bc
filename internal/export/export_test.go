// SPDX-License-Identifier: Apache-2.0

package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/nodesec/nodesec/exporters/clickhousedataset"
	"github.com/nodesec/nodesec/internal/annotation"
	"github.com/nodesec/nodesec/internal/clickhouse"
	"github.com/nodesec/nodesec/internal/dataset"
	"github.com/nodesec/nodesec/internal/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

const (
	runsPerScenario = 5
	ticks           = 40
)

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// newExporter makes a database with four scenarios, two of them attacks, and five runs of each; a run has one container with 40
// samples, and the attack is in its middle.
func newExporter(t *testing.T) *Exporter {
	e := &Exporter{
		Client:   clickhouse.Client{URL: embeddedtest.Shared(t).HTTPURL()},
		Database: fmt.Sprintf("export`'%d", time.Now().UnixNano()), Progress: silent{}, Version: "test",
	}
	cfg := clickhousedataset.NewDefaultConfig()
	cfg.Database = e.Database
	schema, err := clickhousedataset.NewSchema(cfg)
	require.NoError(t, err)
	statements := schema.Create()
	for name, comment := range map[string]string{
		"noise": `{"metric":"noise","unit":"1","type":"gauge","description":"Nothing | but\nnoise"}`, "hint": `{"metric":"hint","unit":"1","type":"gauge"}`,
		"answer": `{"metric":"answer","unit":"1","type":"gauge"}`, "constant": `{"metric":"constant","unit":"1","type":"gauge"}`,
		"total": `{"metric":"total","unit":"1","type":"sum","temporality":"cumulative"}`,
	} {
		statements = append(statements, "ALTER TABLE "+clickhouse.Name(e.Database)+".container_samples ADD COLUMN "+name+
			" Float64 DEFAULT nan COMMENT "+clickhouse.Text(comment))
	}
	for _, statement := range statements {
		require.NoError(t, e.Client.Exec(t.Context(), clickhouse.Query{Text: statement}), statement)
	}
	t.Cleanup(func() {
		require.NoError(t, e.Client.Exec(context.Background(), clickhouse.Query{Text: "DROP DATABASE " + clickhouse.Name(e.Database) + " SYNC"}))
	})
	require.NoError(t, e.store().Create(t.Context()))
	require.NoError(t, dataset.Create(t.Context(), e.Client, e.Database))
	e.fill(t)
	return e
}

func (e *Exporter) store() annotation.Store {
	return annotation.Store{Client: e.Client, Database: e.Database}
}

type silent struct{}

func (silent) Begin(int64) {}
func (silent) Wrote(int64) {}

func (e *Exporter) fill(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var rows bytes.Buffer
	var windows []annotation.Annotation
	for s, scenario := range []string{"miner", "scan", "quiet", "build"} {
		for r := range runsPerScenario {
			run := fmt.Sprintf("%s-%d", scenario, r)
			begin := noon.Add(time.Duration(r*5+s) * time.Minute)
			w := annotation.Annotation{ID: run, Run: run, Scenario: scenario, Step: "background", Label: annotation.Benign,
				Start: begin.Add(-time.Second), End: begin.Add((ticks + 1) * time.Second), Selector: annotation.Selector{Container: run + "-id"}}
			windows = append(windows, w)
			if s < 2 {
				w.ID, w.Step, w.Label, w.Technique = run+":1", "act", annotation.Attack, []string{"T1496.001", "T1046"}[s]
				w.Start, w.End = begin.Add(10*time.Second+200*time.Millisecond), begin.Add(20*time.Second+700*time.Millisecond)
				w.Effect = begin.Add(11 * time.Second)
				windows = append(windows, w)
			}
			for i := range ticks {
				attack := s < 2 && i > 10 && i <= 21
				row := map[string]any{
					"ts": begin.Add(time.Duration(i) * time.Second), "interval_ms": 1000, "entity": s*100 + r + 1, "node": "n", "container_id": run + "-id",
					"cgroup": "/" + run, "noise": random.NormFloat64(), "constant": 3, "total": i, "answer": 0, "hint": random.NormFloat64(),
				}
				if attack {
					row["answer"], row["hint"] = 1, 1+random.NormFloat64()
				}
				if i%7 == 0 {
					delete(row, "noise")
				}
				line, err := json.Marshal(row)
				require.NoError(t, err)
				rows.Write(append(line, '\n'))
			}
		}
	}
	require.NoError(t, e.Client.Insert(t.Context(), clickhouse.Query{
		Text:     "INSERT INTO " + clickhouse.Name(e.Database) + ".container_samples FORMAT JSONEachRow",
		Settings: map[string]string{"date_time_input_format": "best_effort"},
	}, &rows))
	require.NoError(t, e.store().Insert(t.Context(), windows))
}

func request(change func(*Options)) Options {
	o := DefaultOptions()
	o.From, o.To, o.Format = noon.Add(-time.Hour), noon.Add(time.Hour), "csv"
	o.Features = []string{"!answer"}
	if change != nil {
		change(&o)
	}
	return o
}

// table is a file of the data set: its header and rows.
type table struct {
	header []string
	rows   [][]string
}

func (f table) column(t *testing.T, name string) []string {
	i := slices.Index(f.header, name)
	require.GreaterOrEqual(t, i, 0, "%s in %v", name, f.header)
	var values []string
	for _, row := range f.rows {
		values = append(values, row[i])
	}
	return values
}

func readTable(t *testing.T, pattern string) (all table) {
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	for _, name := range files {
		file, err := os.Open(name)
		require.NoError(t, err)
		rows, err := csv.NewReader(file).ReadAll()
		require.NoError(t, err)
		_ = file.Close()
		all.header, all.rows = rows[0], append(all.rows, rows[1:]...)
	}
	return all
}

func TestExportedRowsAreThoseOfTheDatabase(t *testing.T) {
	e := newExporter(t)
	folder := filepath.Join(t.TempDir(), "data set")
	result, err := e.Run(t.Context(), folder, request(nil))
	require.NoError(t, err)
	require.NotNil(t, result.Report)

	seen, runs := 0, map[string]string{}
	for _, split := range []string{train, validation, test} {
		data, side := readTable(t, folder+"/data/"+split+"/*.csv"), readTable(t, folder+"/side/"+split+"/*.csv")
		require.Len(t, side.rows, len(data.rows))
		assert.Equal(t, []string{"hint", "noise", "constant"}, sorted(data.header, "hint", "noise", "constant"))
		assert.Len(t, data.header, 4, "features and the label: %v", data.header)
		assert.Equal(t, data.column(t, "label"), side.column(t, "label"), "the files line up")
		for i, run := range side.column(t, "run") {
			if before, known := runs[run]; known {
				assert.Equal(t, before, split, "the run %s is torn apart", run)
			}
			runs[run] = split
			seen++
			ts, err := time.Parse(time.RFC3339, side.column(t, "ts")[i])
			require.NoError(t, err)
			want := "benign"
			if r := side.column(t, "scenario")[i]; r == "miner" || r == "scan" {
				begin := ts.Truncate(time.Minute)
				if after := ts.Sub(begin); after > 10*time.Second && after <= 21*time.Second {
					want = "attack"
				}
			}
			assert.Equal(t, want, data.column(t, "label")[i], "%s at %s", run, ts)
		}
	}
	assert.Len(t, runs, 4*runsPerScenario)
	// An attack of 10.2 to 20.7 s has its neighbours 10 and 22 as guards; more than half of 11 and 21 is in it.
	assert.Equal(t, 4*runsPerScenario*ticks-2*runsPerScenario*2, seen)
	checkSums(t, folder)
	checkScaler(t, folder)
	checkCroissant(t, folder)
	assert.NoFileExists(t, filepath.Join(folder, stateFile))
	assert.NoDirExists(t, folder+".unfinished")

	sheet, err := os.ReadFile(filepath.Join(folder, "DATASHEET.md"))
	require.NoError(t, err)
	assert.Contains(t, string(sheet), "| train | attack | T1046 |")
	dictionary := readTable(t, filepath.Join(folder, "dictionary.csv"))
	assert.Contains(t, dictionary.column(t, "description"), "Nothing | but\nnoise")
	assert.Contains(t, dictionary.column(t, "why_aside"), "cumulative: grows with the time since the entity began")

	_, err = e.Run(t.Context(), folder, request(nil))
	assert.ErrorContains(t, err, "exists; name another folder")
}

// sorted returns the names that are in the header, in the order given.
func sorted(header []string, names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(header, name) })
}

func checkSums(t *testing.T, folder string) {
	text, err := os.ReadFile(filepath.Join(folder, "SHA256SUMS"))
	require.NoError(t, err)
	listed := map[string]bool{"SHA256SUMS": true}
	for line := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		data, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		digest := sha256.Sum256(data)
		assert.Equal(t, hex.EncodeToString(digest[:]), sum, name)
		listed[name] = true
	}
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(folder, path)
			assert.True(t, listed[name], "%s has no sum", name)
		}
		return err
	}))
}

// checkScaler computes the statistics of the training split once more.
func checkScaler(t *testing.T, folder string) {
	var scaler struct {
		Split    string
		Features map[string]scaling
	}
	text, err := os.ReadFile(filepath.Join(folder, "scaler.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &scaler))
	assert.Equal(t, train, scaler.Split)
	sum, square, n, missing := 0.0, 0.0, 0.0, int64(0)
	for _, value := range readTable(t, folder+"/data/train/*.csv").column(t, "noise") {
		v, err := strconv.ParseFloat(value, 64)
		require.NoError(t, err)
		if math.IsNaN(v) {
			missing++
			continue
		}
		sum, square, n = sum+v, square+v*v, n+1
	}
	got := scaler.Features["noise"]
	assert.InDelta(t, sum/n, *got.Mean, 1e-9)
	assert.InDelta(t, math.Sqrt(square/n-sum*sum/n/n), *got.Std, 1e-9)
	assert.Equal(t, missing, got.Missing)
}

// checkCroissant checks what the specification demands of a data set: the properties that must be there, that names of nodes
// are there once, that what refers to a node finds it, and that the columns are those of the files.
func checkCroissant(t *testing.T, folder string) {
	text, err := os.ReadFile(filepath.Join(folder, "croissant.json"))
	require.NoError(t, err)
	var set struct {
		Type         string   `json:"@type"`
		ConformsTo   []string `json:"conformsTo"`
		Name         string
		Description  string
		License      string
		URL          string `json:"url"`
		Version      string
		Published    string `json:"datePublished"`
		Creator      map[string]string
		Collection   string   `json:"rai:dataCollection"`
		Limits       []string `json:"rai:dataLimitations"`
		Distribution []struct {
			Type     string `json:"@type"`
			ID       string `json:"@id"`
			URL      string `json:"contentUrl"`
			Sum      string `json:"sha256"`
			Format   string `json:"encodingFormat"`
			Includes string
		}
		RecordSet []struct {
			ID    string `json:"@id"`
			Field []struct {
				ID     string `json:"@id"`
				Kind   string `json:"dataType"`
				Source struct {
					FileSet map[string]string
					Extract map[string]string
				}
			}
		}
	}
	require.NoError(t, json.Unmarshal(text, &set))
	assert.Equal(t, "sc:Dataset", set.Type)
	assert.Contains(t, set.ConformsTo, "http://mlcommons.org/croissant/1.1")
	for _, required := range []string{set.Name, set.Description, set.License, set.URL, set.Version, set.Published, set.Creator["name"], set.Collection} {
		assert.NotEmpty(t, required)
	}
	assert.NotEmpty(t, set.Limits)
	ids, columns := map[string]bool{}, map[string][]string{}
	for _, d := range set.Distribution {
		assert.False(t, ids[d.ID], "%s is there twice", d.ID)
		ids[d.ID] = true
		assert.NotEmpty(t, d.Format, d.ID)
		if d.Type == "cr:FileObject" {
			assert.FileExists(t, filepath.Join(folder, d.URL))
			assert.Len(t, d.Sum, 64, d.ID)
			continue
		}
		files, err := filepath.Glob(filepath.Join(folder, d.Includes))
		require.NoError(t, err)
		assert.NotEmpty(t, files, d.Includes)
		columns[d.ID] = readTable(t, filepath.Join(folder, d.Includes)).header
	}
	assert.Len(t, set.RecordSet, 3)
	for _, r := range set.RecordSet {
		for _, f := range r.Field {
			assert.False(t, ids[f.ID], "%s is there twice", f.ID)
			ids[f.ID] = true
			assert.True(t, ids[f.Source.FileSet["@id"]], "%s is of no file set", f.ID)
			assert.Contains(t, columns[f.Source.FileSet["@id"]], f.Source.Extract["column"])
			assert.Contains(t, []string{"sc:Float", "sc:Text"}, f.Kind)
		}
		assert.Len(t, r.Field, len(columns["data-"+r.ID]))
	}
}

func TestLeaksAreFound(t *testing.T) {
	e := newExporter(t)
	fails := func(want string, change func(*Options)) {
		t.Helper()
		folder := filepath.Join(t.TempDir(), "set")
		result, err := e.Run(t.Context(), folder, request(change))
		require.ErrorIs(t, err, ErrLeak)
		var all []string
		for _, f := range result.Report.Failures {
			all = append(all, f.Check+": "+f.Text)
		}
		assert.Contains(t, strings.Join(all, "\n"), want)
		assert.NoDirExists(t, folder)
		assert.NoDirExists(t, folder+".unfinished")
	}
	fails("answer: it alone separates attacks from the rest: AUC 1.0000", func(o *Options) { o.Features = nil })
	fails("classes: the split test has 0 rows of attacks", func(o *Options) { o.Split, o.Shares = "time", [3]float64{0.85, 0.1, 0.05} })

	// A container that acts in two runs is in two splits.
	require.NoError(t, e.store().Insert(t.Context(), []annotation.Annotation{{
		ID: "again", Run: "again", Scenario: "quiet", Label: annotation.Admin, Start: noon.Add(2*time.Minute + 20*time.Second), End: noon.Add(2*time.Minute + 30*time.Second),
		Selector: annotation.Selector{Container: "quiet-0-id"},
	}, {
		ID: "again-2", Run: "again-2", Scenario: "quiet", Label: annotation.Admin, Start: noon.Add(2*time.Minute + 30*time.Second), End: noon.Add(2*time.Minute + 38*time.Second),
		Selector: annotation.Selector{Container: "quiet-0-id"},
	}}))
	torn := false
	for seed := uint64(1); seed < 10 && !torn; seed++ { // by chance, the three may come to one split
		result, err := e.Run(t.Context(), filepath.Join(t.TempDir(), "set"), request(func(o *Options) { o.Seed = seed }))
		torn = err != nil
		if torn {
			require.ErrorIs(t, err, ErrLeak)
			assert.Equal(t, "entities", result.Report.Failures[0].Check)
			assert.Contains(t, result.Report.Failures[0].Text, "201 is in the splits")
		}
	}
	assert.True(t, torn)
	require.NoError(t, e.store().Retract(t.Context(), []string{"again", "again-2"}, "", ""))

	require.NoError(t, e.store().Insert(t.Context(), []annotation.Annotation{{
		ID: "late", Run: "miner-0", Scenario: "miner", Label: annotation.Attack, Technique: "T1496.001", Start: noon.Add(15 * time.Second), End: noon.Add(16 * time.Second),
		Effect: noon.Add(18 * time.Second), Selector: annotation.Selector{Container: "miner-0-id"},
	}}))
	fails("alignment: window late begins in the tick 2026-03-02T12:00:15Z, but the agent saw it 3 ticks later", nil)

	folder := filepath.Join(t.TempDir(), "set")
	result, err := e.Run(t.Context(), folder, request(func(o *Options) {
		o.Features, o.Accepted = nil, map[string]string{"answer": "it is | a test", "alignment": "one late window"}
	}))
	require.NoError(t, err)
	assert.Len(t, result.Report.Accepted, 2)
	sheet, err := os.ReadFile(filepath.Join(folder, "DATASHEET.md"))
	require.NoError(t, err)
	assert.Contains(t, string(sheet), `Reason: it is \| a test`)
	for _, q := range result.Report.Columns {
		assert.Equal(t, q.Column == "constant", q.Constant, q.Column)
		assert.Equal(t, q.Column == "noise", q.Missing > 0, q.Column)
	}
}

// TestSeparationIsTheAreaUnderTheCurve counts pairs.
func TestSeparationIsTheAreaUnderTheCurve(t *testing.T) {
	e := newExporter(t)
	folder := filepath.Join(t.TempDir(), "set")
	result, err := e.Run(t.Context(), folder, request(func(o *Options) { o.Split = "none" }))
	require.NoError(t, err)
	data := readTable(t, folder+"/data/all/*.csv")
	label := data.column(t, "label")
	for _, name := range []string{"hint", "noise"} {
		var attack, other []float64
		for i, text := range data.column(t, name) {
			v, err := strconv.ParseFloat(text, 64)
			require.NoError(t, err)
			if math.IsNaN(v) {
				v = math.Inf(-1)
			}
			if label[i] == "attack" {
				attack = append(attack, v)
			} else {
				other = append(other, v)
			}
		}
		pairs := 0.0
		for _, a := range attack {
			for _, b := range other {
				if a > b {
					pairs++
				} else if a == b {
					pairs += 0.5
				}
			}
		}
		auc := pairs / float64(len(attack)) / float64(len(other))
		i := slices.IndexFunc(result.Report.Separation, func(s Separation) bool { return s.Column == name })
		assert.InDelta(t, max(auc, 1-auc), result.Report.Separation[i].AUC, 1e-9, name)
	}
}

func TestInterruptedExportGoesOn(t *testing.T) {
	e := newExporter(t)
	whole, folder := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "set")
	_, err := e.Run(t.Context(), whole, request(nil))
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	e.Progress = stopper{cancel}
	_, err = e.Run(ctx, folder, request(nil))
	require.ErrorIs(t, err, context.Canceled)
	assert.NoDirExists(t, folder)
	first := "/data/test/part-00000.csv"
	info, err := os.Stat(folder + ".unfinished" + first)
	require.NoError(t, err)

	e.Progress = silent{}
	_, err = e.Run(t.Context(), folder, request(func(o *Options) { o.Seed = 9 }))
	assert.ErrorContains(t, err, "is an unfinished export with other options")
	_, err = e.Run(t.Context(), folder, request(nil))
	require.NoError(t, err)
	again, err := os.Stat(folder + first)
	require.NoError(t, err)
	assert.Equal(t, info.ModTime(), again.ModTime(), "what was there was not written again")
	for _, split := range []string{train, validation, test} {
		assert.Equal(t, readTable(t, whole+"/data/"+split+"/*.csv"), readTable(t, folder+"/data/"+split+"/*.csv"))
		assert.Equal(t, readTable(t, whole+"/side/"+split+"/*.csv"), readTable(t, folder+"/side/"+split+"/*.csv"))
	}
}

// stopper interrupts the export when the first files are written.
type stopper struct{ cancel func() }

func (stopper) Begin(int64)   {}
func (s stopper) Wrote(int64) { s.cancel() }

func TestWindowsAggregate(t *testing.T) {
	e := newExporter(t)
	folder := filepath.Join(t.TempDir(), "set")
	_, err := e.Run(t.Context(), folder, request(func(o *Options) {
		o.Split, o.Window, o.Aggregates, o.Check, o.Features = "none", 5, AllAggregates(), false, []string{"noise", "total"}
	}))
	require.NoError(t, err)
	plain := filepath.Join(t.TempDir(), "plain")
	_, err = e.Run(t.Context(), plain, request(func(o *Options) { o.Split, o.Check, o.Features = "none", false, []string{"noise", "total"} }))
	require.NoError(t, err)

	type key struct{ entity, window string }
	values := map[key][]float64{}
	side, data := readTable(t, plain+"/side/all/*.csv"), readTable(t, plain+"/data/all/*.csv")
	for i, entity := range side.column(t, "entity") {
		ts, err := time.Parse(time.RFC3339, side.column(t, "ts")[i])
		require.NoError(t, err)
		k := key{entity, fmt.Sprint((ts.UnixMilli() - 1) / 5000)}
		v, err := strconv.ParseFloat(data.column(t, "noise")[i], 64)
		require.NoError(t, err)
		values[k] = append(values[k], v)
	}
	got, gotSide := readTable(t, folder+"/data/all/*.csv"), readTable(t, folder+"/side/all/*.csv")
	require.Len(t, got.rows, len(values))
	assert.Len(t, got.header, 2*4+1)
	for i, entity := range gotSide.column(t, "entity") {
		ts, err := time.Parse(time.RFC3339, gotSide.column(t, "ts")[i])
		require.NoError(t, err)
		all := values[key{entity, fmt.Sprint((ts.UnixMilli() - 1) / 5000)}]
		assert.Equal(t, strconv.Itoa(len(all)), gotSide.column(t, "ticks")[i])
		known := slices.DeleteFunc(slices.Clone(all), math.IsNaN)
		if len(known) == 0 {
			assert.Equal(t, []string{"nan", "nan"}, []string{got.column(t, "noise_sum")[i], got.column(t, "noise_max")[i]}, "missing stays missing")
			continue
		}
		sum := 0.0
		for _, v := range known {
			sum += v
		}
		for name, want := range map[string]float64{"noise_sum": sum, "noise_mean": sum / float64(len(known)), "noise_max": slices.Max(known), "noise_last": known[len(known)-1]} {
			v, err := strconv.ParseFloat(got.column(t, name)[i], 64)
			require.NoError(t, err)
			assert.InDelta(t, want, v, 1e-9, name)
		}
	}
}

func TestFormatsHoldTheSame(t *testing.T) {
	e := newExporter(t)
	checksum := func(format string) string {
		folder := filepath.Join(t.TempDir(), format)
		_, err := e.Run(t.Context(), folder, request(func(o *Options) { o.Format, o.Check = format, false }))
		require.NoError(t, err)
		name := map[string]string{"parquet": "Parquet", "csv": "CSVWithNames", "arrow": "Arrow"}[format]
		data, err := os.ReadFile(filepath.Join(folder, "data/train/part-00000."+format))
		require.NoError(t, err)
		// The server reads what it is sent as a table.
		var answer bytes.Buffer
		structure := "hint Float64, noise Float64, constant Float64, label String"
		require.NoError(t, e.Client.Exec(t.Context(), clickhouse.Query{Text: "CREATE TABLE IF NOT EXISTS " + clickhouse.Name(e.Database) + ".read_" + format + " (" + structure + ") ENGINE = Memory"}))
		require.NoError(t, e.Client.Insert(t.Context(), clickhouse.Query{Text: "INSERT INTO " + clickhouse.Name(e.Database) + ".read_" + format + " FORMAT " + name}, bytes.NewReader(data)))
		require.NoError(t, e.Client.Query(t.Context(), clickhouse.Query{Text: "SELECT count(), sum(cityHash64(round(hint, 9), round(noise, 9), constant, label)) FROM " +
			clickhouse.Name(e.Database) + ".read_" + format}, &answer))
		return answer.String()
	}
	parquet := checksum("parquet")
	assert.NotContains(t, parquet, "\t0\n")
	assert.Equal(t, parquet, checksum("csv"))
	assert.Equal(t, parquet, checksum("arrow"))
}
