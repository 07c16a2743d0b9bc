// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import "flag"

var _ = flag.Bool("update", false, "rewrite the golden files")
