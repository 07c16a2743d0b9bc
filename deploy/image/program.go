// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

var errDynamic = errors.New("needs a dynamic linker: build it with CGO_ENABLED=0")

// checkProgram says why the program can not run in an image that holds nothing else: wrong architecture, or not static.
func checkProgram(data []byte, platform *v1.Platform) error {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return err
	}
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	if want := machines[platform.Architecture]; f.Machine != want {
		return fmt.Errorf("is for %s, not for %s", f.Machine, platform)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errDynamic
		}
	}
	return nil
}
