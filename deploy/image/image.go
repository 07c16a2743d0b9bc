// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobody is who runs in the image unless the pod says otherwise: the user and group "nonroot" of distroless images, as
// numbers, because runAsNonRoot can not be checked with a name.
const nobody = "65532:65532"

// programs are the binaries in the image, the first of them is its entry point.
func programs() []string { return []string{"nodesec", "nodesecctl"} }

// file is one in the image.
type file struct {
	path string
	mode int64
	data []byte
}

func (s *settings) platforms() (platforms []*v1.Platform) {
	for _, name := range slices.Sorted(maps.Keys(s.Folders)) {
		platform, err := v1.ParsePlatform(name)
		if err == nil { // addFolder has parsed it before
			platforms = append(platforms, platform)
		}
	}
	return platforms
}

// newIndex makes an image for each platform. They share the layer of what is not a program.
func newIndex(s *settings) (v1.ImageIndex, error) {
	created, err := timeOfBuild()
	if err != nil {
		return nil, err
	}
	license, err := os.ReadFile(s.License)
	if err != nil {
		return nil, err
	}
	base, err := newLayer(created, []file{
		{path: "LICENSE", mode: 0o644, data: license},
		{path: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, data: rootCertificates()},
	})
	if err != nil {
		return nil, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range s.platforms() {
		image, err := newImage(s, created, base, platform)
		if err != nil {
			return nil, fmt.Errorf("image for %s: %w", platform, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: platform}})
	}
	return index, nil
}

func newImage(s *settings, created time.Time, base v1.Layer, platform *v1.Platform) (v1.Image, error) {
	var files []file
	for _, name := range programs() {
		data, err := os.ReadFile(filepath.Join(s.Folders[platform.String()], name))
		if err != nil {
			return nil, err
		}
		if err := checkProgram(data, platform); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files = append(files, file{path: name, mode: 0o755, data: data})
	}
	layer, err := newLayer(created, files)
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), base, layer)
	if err != nil {
		return nil, err
	}
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Created = v1.Time{Time: created}
	config.OS, config.Architecture, config.Variant = platform.OS, platform.Architecture, platform.Variant
	config.Config = v1.Config{
		Entrypoint: []string{"/" + programs()[0]},
		Cmd:        []string{"--config=/etc/nodesec/config.yaml"},
		Env:        []string{"PATH=/"},
		User:       nobody,
		WorkingDir: "/",
		Labels: map[string]string{
			"org.opencontainers.image.title":    "nodesec",
			"org.opencontainers.image.version":  s.version(),
			"org.opencontainers.image.licenses": "Apache-2.0",
			"org.opencontainers.image.source":   "https://github.com/nodesec/nodesec",
		},
	}
	return mutate.ConfigFile(image, config)
}

// timeOfBuild is the time that everything in the image has: SOURCE_DATE_EPOCH, or the epoch itself, so that the digest
// depends on content alone (https://reproducible-builds.org/specs/source-date-epoch/).
func timeOfBuild() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: must be seconds since 1970, got %q", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// newLayer makes a layer with the files and the directories above them, all of root and of one time.
func newLayer(created time.Time, files []file) (v1.Layer, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	made := map[string]bool{".": true}
	var mkdir func(string) error
	mkdir = func(dir string) error {
		if made[dir] {
			return nil
		}
		if err := mkdir(filepath.Dir(dir)); err != nil {
			return err
		}
		made[dir] = true
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: created})
	}
	for _, f := range files {
		if err := mkdir(filepath.Dir(f.path)); err != nil {
			return nil, err
		}
		if err := w.WriteHeader(&tar.Header{
			Typeflag: tar.TypeReg, Name: f.path, Mode: f.mode, Size: int64(len(f.data)), ModTime: created,
		}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}
