// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCatalogue(t *testing.T) {
	word := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	names := make(map[string]bool)
	for i, d := range Catalogue() {
		assert.Equal(t, Metric(i), d.Metric)
		assert.NotEmpty(t, d.Unit, d.Name)
		assert.NotEmpty(t, d.Text, d.Name)
		assert.Equal(t, d.Attribute == "", len(d.Values) == 0, d.Name)
		assert.False(t, names[d.Name], d.Name)
		names[d.Name] = true
		values := make(map[string]bool)
		for _, v := range d.Values {
			assert.Regexp(t, word, v.Name)
			assert.NotEmpty(t, v.Text)
			assert.False(t, values[v.Name], v.Name)
			values[v.Name] = true
		}
	}
}

// requireCatalogued demands that facts are of the catalogue and of one scope, and flags 0 or 1.
func requireCatalogued(t testing.TB, facts []Fact, scope Scope) {
	t.Helper()
	catalogue := Catalogue()
	for _, f := range facts {
		d := catalogue[f.Metric]
		assert.Equal(t, scope, d.Scope, d.Name)
		known := d.Attribute == "" && f.Name == ""
		for _, v := range d.Values {
			known = known || v.Name == f.Name
		}
		assert.True(t, known, "%s %s", d.Name, f.Name)
		assert.True(t, !d.Flag || f.Value == 0 || f.Value == 1, "%s %s is %d", d.Name, f.Name, f.Value)
	}
}
