// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"crypto/x509"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// buildPrograms builds this program under the names of nodesec's, for both architectures, and returns the flags for them.
func buildPrograms(t *testing.T) (flags []string) {
	t.Helper()
	dir := t.TempDir()
	for _, arch := range []string{"amd64", "arm64"} {
		for _, name := range programs() {
			cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", filepath.Join(dir, arch, name), ".")
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
		}
		flags = append(flags, "-binaries", "linux/"+arch+"="+filepath.Join(dir, arch))
	}
	return append(flags, "-license", "../../LICENSE", "-name", "registry.example/nodesec:1.2.3")
}

func makeImage(t *testing.T, flags []string) (archive, said string) {
	t.Helper()
	archive = filepath.Join(t.TempDir(), "nodesec.oci.tar")
	var out strings.Builder
	require.NoError(t, run(append(flags, "-output", archive), &out))
	return archive, out.String()
}

// unpack returns the image index in the archive, and the annotations that name it.
func unpack(t *testing.T, archive string) (v1.ImageIndex, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Open(archive)
	require.NoError(t, err)
	defer f.Close()
	for r := tar.NewReader(f); ; {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		path := filepath.Join(dir, header.Name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, data, 0o644))
	}
	outer, err := layout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	manifest, err := outer.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 1)
	index, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	require.NoError(t, err)
	require.NoError(t, validate.Index(index), "digests, sizes and references are right")
	return index, manifest.Manifests[0].Annotations
}

func TestTheSameProgramsMakeTheSameBytes(t *testing.T) {
	flags := buildPrograms(t)
	first, said := makeImage(t, flags)
	second, again := makeImage(t, flags)
	one, err := os.ReadFile(first)
	require.NoError(t, err)
	two, err := os.ReadFile(second)
	require.NoError(t, err)
	assert.True(t, slices.Equal(one, two), "the archives differ")
	assert.Equal(t, strings.ReplaceAll(said, filepath.Dir(first), ""), strings.ReplaceAll(again, filepath.Dir(second), ""))
	for _, arch := range []string{"amd64", "arm64"} {
		name := "nodesec-linux-" + arch + ".cdx.json"
		a, err := os.ReadFile(filepath.Join(filepath.Dir(first), name))
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(filepath.Dir(second), name))
		require.NoError(t, err)
		assert.Equal(t, string(a), string(b))
	}

	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	_, later := makeImage(t, flags)
	assert.NotEqual(t, digest(said), digest(later), "the time is in the digest")
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	assert.ErrorContains(t, run(append(flags, "-output", first), io.Discard), "SOURCE_DATE_EPOCH: must be seconds since 1970")
}

func digest(said string) string { return said[strings.Index(said, "@"):][:72] }

func TestImage(t *testing.T) {
	archive, said := makeImage(t, buildPrograms(t))
	index, annotations := unpack(t, archive)
	assert.Equal(t, "registry.example/nodesec:1.2.3", annotations["io.containerd.image.name"])
	assert.Equal(t, "1.2.3", annotations["org.opencontainers.image.ref.name"])
	hash, err := index.Digest()
	require.NoError(t, err)
	assert.Contains(t, said, "registry.example/nodesec:1.2.3@"+hash.String())

	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	require.Len(t, manifest.Manifests, 2)
	for i, arch := range []string{"amd64", "arm64"} {
		descriptor := manifest.Manifests[i]
		assert.Equal(t, "linux/"+arch, descriptor.Platform.String())
		image, err := index.Image(descriptor.Digest)
		require.NoError(t, err)
		config, err := image.ConfigFile()
		require.NoError(t, err)
		assert.Equal(t, arch, config.Architecture)
		assert.Equal(t, "65532:65532", config.Config.User, "a number, so that runAsNonRoot can be checked")
		assert.Equal(t, []string{"/nodesec"}, config.Config.Entrypoint)
		assert.EqualValues(t, 0, config.Created.Unix())

		files := map[string]*tar.Header{}
		var roots []byte
		for r := tar.NewReader(mutate.Extract(image)); ; {
			header, err := r.Next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			files[header.Name] = header
			if header.Name == "etc/ssl/certs/ca-certificates.crt" {
				roots, err = io.ReadAll(r)
				require.NoError(t, err)
			}
			assert.EqualValues(t, 0, header.ModTime.Unix(), header.Name)
			assert.Zero(t, header.Uid+header.Gid, header.Name)
		}
		assert.Subset(t, slices.Collect(maps.Keys(files)), []string{"nodesec", "nodesecctl", "LICENSE"})
		assert.EqualValues(t, 0o755, files["nodesec"].Mode)
		assert.True(t, x509.NewCertPool().AppendCertsFromPEM(roots))
		assert.Greater(t, strings.Count(string(roots), "BEGIN CERTIFICATE"), 50)
	}
}

func TestListOfParts(t *testing.T) {
	archive, _ := makeImage(t, buildPrograms(t))
	f, err := os.Open(strings.TrimSuffix(archive, ".oci.tar") + "-linux-arm64.cdx.json")
	require.NoError(t, err)
	defer f.Close()
	var bom cdx.BOM
	require.NoError(t, cdx.NewBOMDecoder(f, cdx.BOMFileFormatJSON).Decode(&bom))
	assert.Equal(t, "registry.example/nodesec", bom.Metadata.Component.Name)
	refs := map[string]cdx.Component{"image": *bom.Metadata.Component}
	for _, c := range *bom.Components {
		assert.NotContains(t, refs, c.BOMRef, "listed once")
		refs[c.BOMRef] = c
	}
	assert.Contains(t, refs, "program/nodesecctl")
	assert.Len(t, (*refs["program/nodesec"].Hashes)[0].Value, 64)
	assert.Contains(t, refs, "pkg:golang/github.com/google/go-containerregistry@v0.22.1")
	for _, d := range *bom.Dependencies {
		for _, ref := range *d.Dependencies {
			assert.Contains(t, refs, ref)
		}
	}
}

func TestWhatCanNotRunIsRefused(t *testing.T) {
	dir := t.TempDir()
	flags := buildPrograms(t)
	arm := flags[3][len("linux/arm64="):]
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"another architecture", []string{"-name", "n:1", "-binaries", "linux/amd64=" + arm}, "nodesec: is for EM_AARCH64, not for linux/amd64"},
		{"no programs", []string{"-name", "n:1", "-binaries", "linux/amd64=" + dir}, "nodesec: no such file"},
		{"no tag", []string{"-name", "localhost:5000/n", "-binaries", "linux/amd64=" + dir}, `-name: must be an image name with a tag, got "localhost:5000/n"`},
		{"nothing", []string{"-name", "n:1"}, "-binaries: at least one is needed"},
		{"no folder", []string{"-name", "n:1", "-binaries", "linux/amd64"}, `must be PLATFORM=FOLDER, got "linux/amd64"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := run(append(test.args, "-license", "../../LICENSE", "-output", filepath.Join(dir, "o.oci.tar")), io.Discard)
			assert.ErrorContains(t, err, test.want)
			assert.NoFileExists(t, filepath.Join(dir, "o.oci.tar"))
		})
	}
}
