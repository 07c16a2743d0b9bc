// SPDX-License-Identifier: Apache-2.0

package cri

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	idA = "0e768f8db752fcd648adb264498daa1d8f31562320e881d6a9ec593d24b1f779"
	idB = "66d6d4ac9851cfcab8400277ad96770ce52c1d75eeac29046753875056eacaed"
)

// specification is config.json with the annotations as containerd 1.6 and CRI-O 1.30 write them.
func specification(annotations ...string) string {
	return `{"ociVersion": "1.1.0", "process": {"args": ["/app"]}, "hostname": "web-0", "annotations": {` + strings.Join(annotations, ", ") + `}}`
}

var (
	web = specification(`"io.kubernetes.cri.container-name": "web"`, `"io.kubernetes.cri.container-type": "container"`,
		`"io.kubernetes.cri.image-name": "registry.local:5000/shop/web:1.2"`, `"io.kubernetes.cri.sandbox-name": "web-0"`,
		`"io.kubernetes.cri.sandbox-namespace": "shop"`, `"io.kubernetes.cri.sandbox-id": "`+idB+`"`)
	wantWeb = Container{Kind: "container", Namespace: "shop", Pod: "web-0", Name: "web", Image: "registry.local:5000/shop/web", Tag: "1.2"}
)

func TestParse(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want Container
	}{
		"containerd": {web, wantWeb},
		"containerd's sandbox": {
			specification(`"io.kubernetes.cri.container-type": "sandbox"`, `"io.kubernetes.cri.sandbox-name": "web-0"`, `"io.kubernetes.cri.sandbox-namespace": "shop"`),
			Container{Kind: "sandbox", Namespace: "shop", Pod: "web-0"},
		},
		"CRI-O": {
			specification(`"io.kubernetes.cri-o.ContainerType": "container"`, `"io.kubernetes.container.name": "web"`, `"io.kubernetes.pod.name": "web-0"`,
				`"io.kubernetes.pod.namespace": "shop"`, `"io.kubernetes.cri-o.ImageName": "docker.io/library/nginx@sha256:`+idA+`"`),
			Container{Kind: "container", Namespace: "shop", Pod: "web-0", Name: "web", Image: "docker.io/library/nginx"},
		},
		"an image that has no name": {
			specification(`"io.kubernetes.cri.container-type": "container"`, `"io.kubernetes.cri.container-name": "x"`, `"io.kubernetes.cri.image-name": "sha256:`+idA+`"`),
			Container{Kind: "container", Name: "x"},
		},
	} {
		got, err := parse(strings.NewReader(tt.text))
		require.NoError(t, err, name)
		assert.Equal(t, tt.want, got, name)
	}
	for name, text := range map[string]string{
		"not of Kubernetes": specification(), "half written": web[:100], "empty": "", "another kind": specification(`"io.kubernetes.cri.container-type": "x"`),
	} {
		_, err := parse(strings.NewReader(text))
		assert.Error(t, err, name)
	}
}

// newNode is a root with the folders of each runtime.
func newNode(t *testing.T) (root string, containers *Containers) {
	root = t.TempDir()
	for _, b := range bundles() {
		require.NoError(t, os.MkdirAll(filepath.Join(root, b.folder), 0o755))
	}
	return root, watch(t, root)
}

func watch(t *testing.T, root string) *Containers {
	containers, err := Watch(root)
	require.NoError(t, err)
	t.Cleanup(containers.Close)
	return containers
}

func write(t *testing.T, root string, b bundle, id, text string) {
	file := filepath.Join(root, b.folder, id, b.file)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
}

func TestContainersOfEachRuntimeAreKnown(t *testing.T) {
	for _, b := range bundles() {
		root, containers := newNode(t)
		write(t, root, b, idA, web)
		assert.Equal(t, wantWeb, containers.Of(idA), b.folder)
		assert.Zero(t, containers.Of(idB), b.folder)
		assert.Zero(t, containers.Of("../"+idA[3:]), "no name of a file")
	}
}

func TestContainersThatAreGoneAreKnown(t *testing.T) {
	root, containers := newNode(t)
	b := bundles()[0]
	// As a runtime does: the folder first, the specification later; and nobody asks while it is there.
	require.NoError(t, os.Mkdir(filepath.Join(root, b.folder, idA), 0o755))
	time.Sleep(5 * time.Millisecond)
	write(t, root, b, idA, web)
	require.Eventually(t, func() bool {
		containers.mu.Lock()
		defer containers.mu.Unlock()
		return containers.known[idA] != nil
	}, 5*time.Second, time.Millisecond)
	require.NoError(t, os.RemoveAll(filepath.Join(root, b.folder, idA)))
	assert.Equal(t, wantWeb, containers.Of(idA))
}

func TestRuntimesThatStartLaterAreWatched(t *testing.T) {
	root := t.TempDir()
	containers := watch(t, root)
	b := bundles()[1]
	write(t, root, b, idA, web)
	assert.Equal(t, wantWeb, containers.Of(idA), "the first is read")
	write(t, root, b, idB, web)
	assert.Eventually(t, func() bool {
		containers.mu.Lock()
		defer containers.mu.Unlock()
		return containers.known[idB] != nil
	}, 5*time.Second, time.Millisecond, "those after it are heard of")
}

func TestWhatIsKnownIsBounded(t *testing.T) {
	_, containers := newNode(t)
	for i := range maxKnown + 10 {
		containers.Of(fmt.Sprintf("%064x", i))
	}
	assert.LessOrEqual(t, len(containers.known), maxKnown)
}

func TestNil(t *testing.T) {
	var containers *Containers
	assert.Zero(t, containers.Of(idA))
}

func TestAllAreReadWhenSomeWereNotHeardOf(t *testing.T) {
	root := t.TempDir()
	for i, b := range bundles() {
		write(t, root, b, fmt.Sprintf("%064x", i), web)
	}
	containers := watch(t, root)
	containers.learnAll()
	assert.Len(t, containers.known, len(bundles()))
}
