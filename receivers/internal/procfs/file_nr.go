// SPDX-License-Identifier: Apache-2.0

package procfs

// FileNr is /proc/sys/fs/file-nr (kernel fs/file_table.c; Documentation/admin-guide/sysctl/fs.rst).
type FileNr struct {
	// Open is the number of open file descriptions, Max its limit fs.file-max.
	Open, Max uint64
}

// Parse parses the file.
func (f *FileNr) Parse(data []byte) error {
	line, _ := NextLine(data)
	var unused uint64 // allocated but unused: zero since Linux 2.6
	_, err := nextUints(line, line, &f.Open, &unused, &f.Max)
	return err
}
