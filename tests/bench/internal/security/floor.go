// SPDX-License-Identifier: Apache-2.0

package security

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// attachEmpty attaches a program that does nothing to each of the tracepoints.
func attachEmpty(tracepoints []string) (stop func() error, err error) {
	var links []link.Link
	stop = func() error {
		var errs []error
		for _, l := range links {
			errs = append(errs, l.Close())
		}
		return errors.Join(errs...)
	}
	for _, name := range tracepoints {
		program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
			Name: "nothing", Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: name, License: "GPL",
			Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("load an empty program for %s: %w", name, err), stop())
		}
		attached, err := link.AttachTracing(link.TracingOptions{Program: program})
		if err := errors.Join(err, program.Close()); err != nil { // the link keeps it
			return nil, errors.Join(fmt.Errorf("attach an empty program to %s: %w", name, err), stop())
		}
		links = append(links, attached)
	}
	return stop, nil
}
