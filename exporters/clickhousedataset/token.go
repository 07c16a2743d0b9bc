// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
)

// token returns the text by which the server recognises that a block was inserted before: a SHA-256 of all that the
// rows say, in hexadecimal digits. It does not depend on which columns the features have, because that may change
// between two attempts.
func token(b *block) string {
	d := digest{hash: sha256.New()}
	d.text("1") // version of the layout below
	d.integer(uint64(b.len()))
	for i := range b.len() {
		d.integer(uint64(b.ts[i]))
		d.integer(uint64(b.interval[i]))
		d.integer(b.entity[i])
		d.integer(uint64(b.resource[i]))
	}
	for i := range b.resources {
		d.resource(&b.resources[i])
	}
	for _, c := range b.used {
		d.text(c.key)
		d.floats(c.values)
		for _, values := range c.floats {
			d.floats(values)
		}
		for _, values := range c.counts {
			d.integer(uint64(len(values)))
			for _, count := range values {
				d.integer(count)
			}
		}
	}
	return d.sum()
}

// digest hashes numbers and texts. Lists and texts are preceded by their length.
type digest struct {
	hash   hash.Hash
	buffer [4096]byte
	used   int
}

func (d *digest) integer(v uint64) {
	if d.used == len(d.buffer) {
		d.flush()
	}
	binary.LittleEndian.PutUint64(d.buffer[d.used:], v)
	d.used += 8
}

func (d *digest) text(text string) {
	d.integer(uint64(len(text)))
	for len(text) > 0 {
		if d.used == len(d.buffer) {
			d.flush()
		}
		n := copy(d.buffer[d.used:], text)
		text = text[n:]
		d.used += n
	}
	d.used = (d.used + 7) &^ 7 // integers stay aligned
}

func (d *digest) floats(values []float64) {
	d.integer(uint64(len(values)))
	for _, value := range values {
		d.integer(math.Float64bits(value))
	}
}

func (d *digest) resource(r *resource) {
	id := &r.identity
	for _, text := range [...]string{
		id.Cluster, id.Node, id.Namespace, id.Workload, id.WorkloadKind, id.Pod, id.PodUID, id.Container, id.ContainerID,
		id.ImageName, id.ImageTag, id.Cgroup, id.Created, id.Executable, id.ExecutablePath, id.CommandLine, r.severity,
	} {
		d.text(text)
	}
	d.integer(uint64(id.PID))
	d.integer(uint64(id.ParentPID))
	for _, list := range [...][]string{r.rules, r.techniques} {
		d.integer(uint64(len(list)))
		for _, text := range list {
			d.text(text)
		}
	}
	d.integer(uint64(len(r.attributes)))
	for _, a := range r.attributes {
		d.text(a.key)
		d.text(a.value)
	}
}

func (d *digest) flush() {
	_, _ = d.hash.Write(d.buffer[:d.used])
	d.used = 0
	clear(d.buffer[:])
}

func (d *digest) sum() string {
	d.flush()
	return hex.EncodeToString(d.hash.Sum(nil))
}
