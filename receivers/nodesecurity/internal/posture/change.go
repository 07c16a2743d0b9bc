// SPDX-License-Identifier: Apache-2.0

package posture

import (
	"errors"

	"github.com/cespare/xxhash/v2"
)

// fingerprint is a hash of a set of named contents, whatever their order: directories have none.
type fingerprint uint64

// add adds a named content.
func (f *fingerprint) add(name string, content []byte) {
	var d xxhash.Digest
	d.Reset()
	_, _ = d.WriteString(name)
	_, _ = d.Write([]byte{0}) // which no name has
	_, _ = d.Write(content)
	*f += fingerprint(d.Sum64())
}

// change adds the fact whether a subject differs from what it was when it was last read.
func (r *Reader) change(n *node, subject string, now fingerprint) {
	before, known := r.changes[subject]
	r.changes[subject] = uint64(now)
	if known {
		n.add(Changed, subject, flag(before != uint64(now)))
	}
}

// ignoring returns err, or nil if it is one of those.
func ignoring(err error, those ...error) error {
	for _, one := range those {
		if errors.Is(err, one) {
			return nil
		}
	}
	return err
}
