// SPDX-License-Identifier: Apache-2.0

//go:build nolibchdb

package embedded

import "errors"

// serveLibrary is that of programs for container images, which are static: a library needs the C library's loader.
func serveLibrary(childTask, <-chan struct{}) error {
	return errors.New("this program is static and can not load libchdb: use one that is not, or a clickhouse binary (--binary)")
}
