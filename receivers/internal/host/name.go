// SPDX-License-Identifier: Apache-2.0

// Package host tells what a receiver needs to know of the machine: its name and its clock.
package host

import (
	"bytes"
	"path/filepath"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// Name returns the name of the node whose root file system is at root. Below a mounted root it prefers
// etc/hostname: sys/kernel/hostname tells the name in the UTS namespace of whoever reads it, so inside a container it is
// the container's even in the /proc of the node (kernel/utsname_sysctl.c, get_uts).
func Name(root string) (string, error) {
	files := []string{"proc/sys/kernel/hostname", "etc/hostname"}
	if root != "/" {
		files[0], files[1] = files[1], files[0]
	}
	var (
		reader procfs.Reader
		err    error
	)
	for _, file := range files {
		var data []byte
		if data, err = reader.ReadFile(filepath.Join(root, file)); err != nil {
			continue
		}
		if line, _ := procfs.NextLine(data); len(bytes.TrimSpace(line)) > 0 {
			return string(bytes.TrimSpace(line)), nil
		}
	}
	return "", err
}
