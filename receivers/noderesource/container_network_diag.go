// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
	"github.com/nodesec/nodesec/receivers/internal/sockdiag"
)

// errNotPermitted says that this process may not enter network namespaces.
var errNotPermitted = errors.New("network namespaces can not be entered")

// namespaceDiag asks the kernel for the sockets of other network namespaces. That takes CAP_SYS_ADMIN and the right to
// trace a process in the namespace; without, it stops trying.
type namespaceDiag struct {
	tcp       sockdiag.TCP
	forbidden bool
}

// statesOf returns the TCP sockets by state of the namespace that is the file at path.
func (d *namespaceDiag) statesOf(path string) (states procfs.TCPStates, err error) {
	if d.forbidden {
		return states, errNotPermitted
	}
	file, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return states, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer func() { _ = unix.Close(file) }()
	err = inNamespace(file, func() (err error) {
		states, err = d.tcp.States()
		return err
	})
	if err != nil {
		d.forbidden = errors.Is(err, fs.ErrPermission)
		return states, fmt.Errorf("sockets of %s: %w", path, err)
	}
	return states, nil
}

// inNamespace calls do on a thread in another network namespace.
func inNamespace(namespace int, do func() error) error {
	own, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open own network namespace: %w", err)
	}
	defer func() { _ = unix.Close(own) }()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Setns(namespace, unix.CLONE_NEWNET)
		if err == nil {
			err = do()
			if back := unix.Setns(own, unix.CLONE_NEWNET); back != nil {
				// Not unlocked: the thread, which can not be used for anything else, ends with this goroutine.
				done <- errors.Join(err, fmt.Errorf("return to own network namespace: %w", back))
				return
			}
		}
		runtime.UnlockOSThread()
		done <- err
	}()
	return <-done
}
