// SPDX-License-Identifier: Apache-2.0

package posture

import "errors"

// node collects the facts of one reading.
type node struct {
	facts []Fact
	errs  []error
	// remote is where the node has mounted file systems that are not looked into, see hostMounts.remotePoints.
	remote []string
}

func (n *node) add(metric Metric, name string, value int64) {
	n.facts = append(n.facts, Fact{metric, name, value})
}

// fail notes what could not be read. A file that the kernel lacks is no error.
func (n *node) fail(err error) {
	if err != nil && !isLacking(err) {
		n.errs = append(n.errs, err)
	}
}

// Node reads the posture of the node. The error joins what could not be read; the facts are those that could.
func (r *Reader) Node() ([]Fact, error) {
	n := node{facts: make([]Fact, 0, 128)}
	if err := r.hostMounts.refresh(); err != nil {
		n.errs = append(n.errs, err)
	}
	n.remote = r.hostMounts.remotePoints()
	r.readSysctls(&n)
	r.readKernel(&n)
	r.readModules(&n)
	r.readPorts(&n)
	r.readAccounts(&n)
	r.readCron(&n)
	r.readUnits(&n)
	r.readSudoers(&n)
	r.readPreload(&n)
	r.readSetuid(&n)
	return n.facts, errors.Join(n.errs...)
}
