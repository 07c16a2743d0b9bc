// SPDX-License-Identifier: Apache-2.0

// Package cri tells what a container runtime knows of the containers that it runs for Kubernetes.
//
// A runtime writes what the kubelet asked for into the bundle of the container (config.json of the OCI runtime
// specification), before any process of it runs. So a container has its names from the first moment of its life, without
// a question to the API server, and keeps them when nobody answers there.
package cri

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"
)

// The kinds of containers. A pod has one sandbox, which holds its namespaces and runs nothing else.
const (
	KindContainer = "container"
	KindSandbox   = "sandbox"
)

// Container is what a runtime knows of a container. Everything is empty for one that Kubernetes did not ask for.
type Container struct {
	// Kind is container or sandbox.
	Kind string
	// Namespace and Pod are the pod's.
	Namespace, Pod string
	// Name is that in the pod's specification; empty for a sandbox.
	Name string
	// Image and Tag are what the pod's specification asks for, with the registry: docker.io/library/nginx and 1.29.
	Image, Tag string
}

// bundles are where runtimes keep the bundles of their containers, below the root of the node, and the file in each:
// containerd by itself (namespace k8s.io), as part of k3s and RKE2, of k0s and of MicroK8s, and CRI-O.
func bundles() []bundle {
	const containerd = "containerd/io.containerd.runtime.v2.task/k8s.io"
	return []bundle{
		{"run/" + containerd, "config.json"},
		{"run/k3s/" + containerd, "config.json"},
		{"run/k0s/" + containerd, "config.json"},
		{"var/snap/microk8s/common/run/" + containerd, "config.json"},
		{"run/containers/storage/overlay-containers", "userdata/config.json"},
	}
}

// bundle is a folder with a folder for each container, by its ID, and the file of the specification in that.
type bundle struct{ folder, file string }

// maxFile bounds what is read of a bundle. A specification with a megabyte of environment, the most that a program can be
// started with, is smaller.
const maxFile = 4 << 20

// read reads the container in the bundle. The error is fs.ErrNotExist if it has none.
func (b bundle) read(root, id string) (Container, error) {
	file, err := os.Open(filepath.Join(root, b.folder, id, b.file))
	if err != nil {
		return Container{}, err
	}
	defer func() { _ = file.Close() }()
	c, err := parse(io.LimitReader(file, maxFile))
	if err != nil {
		return c, fmt.Errorf("read %s: %w", file.Name(), err)
	}
	return c, nil
}

// errUnknown says that the annotations are none of a runtime of Kubernetes.
var errUnknown = errors.New("no annotations of a Kubernetes runtime")

// parse reads config.json. The names of the annotations are those of containerd (pkg/cri/annotations/annotations.go) and of
// CRI-O (pkg/annotations/annotations.go and the kubelet's labels, k8s.io/kubernetes/pkg/kubelet/types/labels.go).
func parse(r io.Reader) (Container, error) {
	var specification struct{ Annotations map[string]string }
	if err := json.NewDecoder(r).Decode(&specification); err != nil {
		return Container{}, err
	}
	a := specification.Annotations
	for _, names := range []struct{ kind, namespace, pod, name, image string }{
		{
			"io.kubernetes.cri.container-type", "io.kubernetes.cri.sandbox-namespace", "io.kubernetes.cri.sandbox-name",
			"io.kubernetes.cri.container-name", "io.kubernetes.cri.image-name",
		},
		{
			"io.kubernetes.cri-o.ContainerType", "io.kubernetes.pod.namespace", "io.kubernetes.pod.name",
			"io.kubernetes.container.name", "io.kubernetes.cri-o.ImageName",
		},
	} {
		kind := a[names.kind]
		if kind != KindContainer && kind != KindSandbox {
			continue
		}
		c := Container{Kind: kind, Namespace: valid(a[names.namespace]), Pod: valid(a[names.pod])}
		if kind == KindContainer {
			c.Name = valid(a[names.name])
			c.Image, c.Tag = splitImage(valid(a[names.image]))
		}
		return c, nil
	}
	return Container{}, errUnknown
}

func valid(text string) string { return strings.ToValidUTF8(text, "�") }

// splitImage parts the name of an image from its tag. What is known by its digest alone has no name.
func splitImage(text string) (name, tag string) {
	image, err := reference.Parse(text)
	if err != nil || strings.HasPrefix(text, "sha256:") {
		return "", ""
	}
	if named, ok := image.(reference.Named); ok {
		name = named.Name()
	}
	if tagged, ok := image.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	return name, tag
}
