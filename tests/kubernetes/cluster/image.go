// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"runtime"
)

// Image is what an image of one program consists of.
type Image struct {
	Name       string // with the tag
	Program    string // file of a static program, which is /NAME in the image
	Entrypoint []string
	Links      []string // more names of the program
}

// WriteImage writes an OCI image layout as a tar archive, as `ctr image import` reads it.
func WriteImage(file string, i Image) error {
	layer, err := i.layer()
	if err != nil {
		return err
	}
	type object = map[string]any
	archive := archive{blobs: map[string][]byte{}}
	layerBlob := archive.add("application/vnd.oci.image.layer.v1.tar", layer)
	platform := object{"architecture": runtime.GOARCH, "os": "linux"}
	config, err := json.Marshal(object{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": object{"Entrypoint": i.Entrypoint, "Env": []string{"PATH=/:/bin"}},
		"rootfs": object{"type": "layers", "diff_ids": []any{layerBlob["digest"]}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal(object{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": archive.add("application/vnd.oci.image.config.v1+json", config), "layers": []object{layerBlob},
	})
	if err != nil {
		return err
	}
	described := archive.add("application/vnd.oci.image.manifest.v1+json", manifest)
	described["platform"], described["annotations"] = platform, object{"io.containerd.image.name": i.Name}
	index, err := json.Marshal(object{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []object{described},
	})
	if err != nil {
		return err
	}
	return archive.write(file, index)
}

// layer is a tar archive with the program. Nothing in it depends on when it is made, so that it has the same digest each time.
func (i *Image) layer() ([]byte, error) {
	program, err := os.ReadFile(i.Program)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	name := path.Base(i.Program)
	headers := []*tar.Header{
		{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777},
		{Name: name, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))},
	}
	for _, link := range i.Links {
		headers = append(headers, &tar.Header{Name: link, Typeflag: tar.TypeSymlink, Linkname: "/" + name, Mode: 0o777})
	}
	for _, header := range headers {
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if header.Typeflag == tar.TypeReg {
			if _, err := w.Write(program); err != nil {
				return nil, err
			}
		}
	}
	return b.Bytes(), w.Close()
}

// archive collects the blobs of an image.
type archive struct{ blobs map[string][]byte }

// add returns the descriptor of the blob.
func (a *archive) add(mediaType string, data []byte) map[string]any {
	hash := fmt.Sprintf("%x", sha256.Sum256(data))
	a.blobs["blobs/sha256/"+hash] = data
	return map[string]any{"mediaType": mediaType, "digest": "sha256:" + hash, "size": len(data)}
}

func (a *archive) write(file string, index []byte) error {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	a.blobs["oci-layout"], a.blobs["index.json"] = []byte(`{"imageLayoutVersion":"1.0.0"}`), index
	for name, data := range a.blobs {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data))}); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}
