// SPDX-License-Identifier: Apache-2.0

// Program image packs nodesec's binaries into an OCI archive for several architectures, without a daemon and without a
// registry, and writes what is in them beside it (CycloneDX). The same binaries make the same bytes.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// run writes the archive and the lists of parts, and tells the names and the digest.
func run(args []string, out io.Writer) error {
	s := settings{Folders: map[string]string{}}
	var output string
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.StringVar(&output, "output", "build/nodesec.oci.tar", "archive to write; lists of parts go beside it")
	flags.StringVar(&s.Name, "name", "", "name of the image with its tag")
	flags.StringVar(&s.License, "license", "LICENSE", "file with the license")
	flags.Func("binaries", "PLATFORM=FOLDER, such as linux/arm64=bin/linux_arm64; once for each platform", s.addFolder)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	index, err := newIndex(&s)
	if err != nil {
		return err
	}
	if err := writeArchive(output, &s, index); err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s  %s@%s\n", output, s.Name, digest)
	for _, platform := range s.platforms() {
		path := strings.TrimSuffix(output, ".oci.tar") + "-" + strings.ReplaceAll(platform.String(), "/", "-") + ".cdx.json"
		if err := writeParts(path, &s, platform); err != nil {
			return err
		}
		fmt.Fprintln(out, path)
	}
	return nil
}

// settings say what becomes an image.
type settings struct {
	// Name is the image's with its tag.
	Name string
	// Folders hold the binaries by platform.
	Folders map[string]string
	// License is the path of the license's text.
	License string
}

func (s *settings) addFolder(text string) error {
	platform, folder, ok := strings.Cut(text, "=")
	if !ok || folder == "" {
		return fmt.Errorf("must be PLATFORM=FOLDER, got %q", text)
	}
	parsed, err := v1.ParsePlatform(platform)
	if err != nil {
		return err
	}
	s.Folders[parsed.String()] = filepath.Clean(folder)
	return nil
}

func (s *settings) check() error {
	if i := strings.LastIndex(s.Name, ":"); i <= 0 || s.version() == "" || strings.Contains(s.version(), "/") {
		return fmt.Errorf("-name: must be an image name with a tag, got %q", s.Name)
	}
	if len(s.Folders) == 0 {
		return fmt.Errorf("-binaries: at least one is needed")
	}
	return nil
}

// version is the tag of the name.
func (s *settings) version() string { return s.Name[strings.LastIndex(s.Name, ":")+1:] }
