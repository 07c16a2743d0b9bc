// SPDX-License-Identifier: Apache-2.0

package procfs

// InodeNr is /proc/sys/fs/inode-nr (kernel fs/inode.c; Documentation/admin-guide/sysctl/fs.rst).
type InodeNr struct {
	// Allocated is the number of inodes in memory, Free how many of them are unused.
	Allocated, Free uint64
}

// Parse parses the file.
func (i *InodeNr) Parse(data []byte) error {
	line, _ := NextLine(data)
	_, err := nextUints(line, line, &i.Allocated, &i.Free)
	return err
}
