// SPDX-License-Identifier: Apache-2.0

// Package detections makes a log record of each start and each end of an alert, out of samples that the processor rules has
// tagged.
package detections
