// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// HostMarker is the file that says that a host may be used as a lab. Nothing is read from it.
const HostMarker = "/etc/nodesec-lab"

// ErrNoLab refuses to act on a host that is no lab.
var ErrNoLab = errors.New("this host is not marked as a lab: `touch " + HostMarker +
	"` as root marks it for good, --i-own-this-host allows this one command")

// CheckHost returns ErrNoLab on a host without the marker. What the lab does is harmless, but sensors and people on call
// can't know that.
func CheckHost(marker string) error {
	_, err := os.Stat(marker)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoLab
	}
	if err != nil {
		return fmt.Errorf("see whether this host is a lab: %w", err)
	}
	return nil
}
