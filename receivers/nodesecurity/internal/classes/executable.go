// SPDX-License-Identifier: Apache-2.0

package classes

import (
	"fmt"
	"strings"
)

// The kernel cuts names of tasks to TASK_COMM_LEN - 1 bytes (include/linux/sched.h); our programs cut file names alike.
const maxExecutableName = 15

// What the version at the end of a name is made of: python3.11, gcc-12.
const versionBytes = "0123456789.-"

func (t *Tables) compileExecutables(defaults, changes map[string][]string) error {
	direct := map[ExecutableName]uint64{}
	err := compileMembers(section[string]{"executables", ExecutableClassNames(), defaults, changes},
		func(class int, name string) error {
			if name == "" || strings.ContainsAny(name, "/*\x00") {
				return fmt.Errorf("must be the name of a file without directory and wildcard, got %q", name)
			}
			direct[executableName(name)] |= ExecutableClass(class).Bit()
			return nil
		})
	t.Executables = make(map[ExecutableName]uint64, len(direct))
	for name, bits := range direct {
		t.Executables[name] = bits | direct[name.withoutVersion()]
	}
	return err
}

func executableName(name string) (result ExecutableName) {
	copy(result[:maxExecutableName], name)
	return result
}

// withoutVersion cuts the trailing version off; the result may be empty, and no member is.
func (n ExecutableName) withoutVersion() ExecutableName {
	return executableName(strings.TrimRight(strings.TrimRight(string(n[:]), "\x00"), versionBytes))
}
