// SPDX-License-Identifier: Apache-2.0

package export

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"time"
)

// object is a JSON-LD node.
type object = map[string]any

// croissantContext is the context that the Croissant format demands (Croissant Format Specification 1.1, Appendix JSON-LD
// context), with the vocabulary for responsible AI.
func croissantContext() object {
	context := object{
		"@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/", "cr": "http://mlcommons.org/croissant/",
		"rai": "http://mlcommons.org/croissant/RAI/", "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo",
		"data":     object{"@id": "cr:data", "@type": "@json"},
		"dataType": object{"@id": "cr:dataType", "@type": "@vocab"},
		"examples": object{"@id": "cr:examples", "@type": "@json"},
	}
	for _, name := range []string{
		"citeAs", "column", "extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key",
		"md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "separator", "source", "subField", "transform",
	} {
		context[name] = "cr:" + name
	}
	return context
}

// mediaType is the encoding format of the data's files.
func mediaType(format string) string {
	return map[string]string{"parquet": "application/vnd.apache.parquet", "csv": "text/csv", "arrow": "application/vnd.apache.arrow.file"}[format]
}

// croissant describes the data set for machines: Croissant 1.1 with RAI 1.0.
func (c *card) croissant() (string, error) {
	o := c.source.options
	text, err := json.MarshalIndent(object{
		"@context":      croissantContext(),
		"@type":         "sc:Dataset",
		"conformsTo":    []string{"http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"},
		"name":          o.Name,
		"description":   "Labelled samples of " + string(o.Scope) + " entities: security, resource and posture features with ground truth, a row per entity and " + c.rowMeaning() + ".",
		"license":       o.License,
		"creator":       object{"@type": "sc:Organization", "name": o.Creator},
		"url":           "https://github.com/nodesec/nodesec",
		"version":       "1.0.0",
		"datePublished": time.Now().UTC().Format(time.DateOnly),
		"citeAs":        o.Creator + ": " + o.Name,
		"keywords":      []string{"security", "anomaly detection", "Kubernetes", "eBPF", "ATT&CK"},
		"isLiveDataset": false,
		"distribution":  c.distribution(),
		"recordSet":     c.recordSets(),

		"rai:dataCollection": "Counted in the kernel by eBPF programs and read from procfs and cgroups once a tick, by the nodesec agent, on the hosts that were " +
			"sampled from " + o.From.UTC().Format(time.RFC3339) + " to " + o.To.UTC().Format(time.RFC3339) + ".",
		"rai:dataCollectionType":           []string{"Observations", "Software Collection"},
		"rai:dataAnnotationProtocol":       "Windows of time that the lab or a person wrote down when they happened; a row has the label of the strongest window that touches its tick. Rows at edges are left out.",
		"rai:dataPreprocessingProtocol":    []string{"Delta sums per tick; missing values are NaN; identity, time and cumulative columns are kept apart from the training files."},
		"rai:dataLimitations":              []string{"Attacks acted out by a lab are harmless versions of real ones, on few hosts, for seconds."},
		"rai:dataBiases":                   []string{"Attacks are far more frequent than on a real host.", c.splitMeaning()},
		"rai:dataUseCases":                 []string{"Training and comparing detectors of attacks on hosts and containers."},
		"rai:personalSensitiveInformation": []string{"Names of processes, pods and images in the side files can identify people or organisations."},
	}, "", "  ")
	return string(text) + "\n", err
}

// distribution lists all files, and the sets that the files of a split are.
func (c *card) distribution() []object {
	var all []object
	for _, f := range c.folder.state.Files {
		format := map[string]string{".json": "application/json", ".md": "text/markdown", ".csv": "text/csv", ".sh": "text/x-shellscript"}[path.Ext(f.Path)]
		if isData(f.Path) {
			format = mediaType(c.source.options.Format)
		}
		all = append(all, object{
			"@type": "cr:FileObject", "@id": f.Path, "name": f.Path, "contentUrl": f.Path, "contentSize": sizeText(f.Size),
			"encodingFormat": format, "sha256": f.SHA256,
		})
	}
	for _, split := range c.splitNames() {
		for _, kind := range []string{"data", "side"} {
			all = append(all, object{
				"@type": "cr:FileSet", "@id": kind + "-" + split, "name": kind + "-" + split, "encodingFormat": mediaType(c.source.options.Format),
				"includes": kind + "/" + split + "/*." + c.source.options.Format,
			})
		}
	}
	return all
}

func isData(name string) bool {
	return strings.HasPrefix(name, "data/") || strings.HasPrefix(name, "side/")
}

func (c *card) splitNames() []string {
	var names []string
	for _, n := range c.result.Counts {
		if !slices.Contains(names, n.Split) {
			names = append(names, n.Split)
		}
	}
	return names
}

// recordSets describe the columns of the training files, a record set for each split.
func (c *card) recordSets() []object {
	names := append(c.source.featureNames(), "label")
	about := map[string]string{"label": "Ground truth: attack, overload, admin or benign"}
	for _, f := range c.source.chosen.features {
		for _, name := range names {
			if name == f.Name || (c.source.options.Window > 1 && strings.HasPrefix(name, f.Name+"_")) {
				about[name] = strings.TrimSpace(f.Description + " (" + f.Unit + ")")
			}
		}
	}
	var all []object
	for _, split := range c.splitNames() {
		var fields []object
		for _, name := range names {
			kind := "sc:Float"
			if name == "label" {
				kind = "sc:Text"
			}
			fields = append(fields, object{
				"@type": "cr:Field", "@id": split + "/" + name, "name": name, "description": about[name], "dataType": kind,
				"source": object{"fileSet": object{"@id": "data-" + split}, "extract": object{"column": name}},
			})
		}
		all = append(all, object{"@type": "cr:RecordSet", "@id": split, "name": split, "field": fields})
	}
	return all
}
