// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const rootsModule = "golang.org/x/crypto/x509roots/fallback"

// parts is a list of what is in an image, which every program's build information tells.
type parts struct {
	components []cdx.Component
	depends    []cdx.Dependency
	listed     map[string]bool // by reference
}

// writeParts writes the list for the image of a platform. It has neither a time nor a random number: the same image has
// the same list.
func writeParts(path string, s *settings, platform *v1.Platform) error {
	image := cdx.Component{
		BOMRef: "image", Type: cdx.ComponentTypeContainer, Name: s.Name[:strings.LastIndex(s.Name, ":")],
		Version: s.version(), Properties: &[]cdx.Property{{Name: "platform", Value: platform.String()}},
	}
	list := parts{listed: map[string]bool{}}
	var holds []string
	for _, name := range programs() {
		ref, err := list.addProgram(filepath.Join(s.Folders[platform.String()], name), name, s.version())
		if err != nil {
			return err
		}
		holds = append(holds, ref)
	}
	if info, ok := debug.ReadBuildInfo(); ok { // this program carries the certificates
		for _, m := range info.Deps {
			if m.Path == rootsModule {
				holds = append(holds, list.addModule(m))
			}
		}
	}
	list.depends = append(list.depends, cdx.Dependency{Ref: image.BOMRef, Dependencies: &holds})
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &image}
	bom.Components, bom.Dependencies = &list.components, &list.depends
	var b bytes.Buffer
	if err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// addProgram adds a binary, its modules and the Go standard library, and returns the binary's reference.
func (p *parts) addProgram(path, name, version string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("read the build information of %s: %w", path, err)
	}
	sum := sha256.Sum256(data)
	ref := "program/" + name
	p.components = append(p.components, cdx.Component{
		BOMRef: ref, Type: cdx.ComponentTypeApplication, Name: name, Version: version,
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
		Properties: &[]cdx.Property{{Name: "package", Value: info.Path}},
	})
	needs := []string{p.addModule(&debug.Module{Path: "std", Version: info.GoVersion})}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		if strings.HasPrefix(m.Path, ".") { // this repository itself
			continue
		}
		needs = append(needs, p.addModule(m))
	}
	p.depends = append(p.depends, cdx.Dependency{Ref: ref, Dependencies: &needs})
	return ref, nil
}

// addModule adds a module unless it is listed, and returns its reference: its package URL
// (https://github.com/package-url/purl-spec/blob/main/types-doc/golang-definition.md).
func (p *parts) addModule(m *debug.Module) string {
	ref := "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
	if p.listed[ref] {
		return ref
	}
	p.listed[ref] = true
	c := cdx.Component{BOMRef: ref, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: ref}
	if m.Sum != "" {
		// h1 is a SHA-256 over the hashes of all files (golang.org/x/mod/sumdb/dirhash), so it is no hash of one file.
		c.Properties = &[]cdx.Property{{Name: "go.sum", Value: m.Sum}}
	}
	p.components = append(p.components, c)
	return ref
}
