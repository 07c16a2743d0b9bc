// SPDX-License-Identifier: Apache-2.0

package actor

import (
	"fmt"
	"os"
	"os/exec"
)

// taskVariable names the environment variable that makes a process part of an actor: its process 1, or the helper that
// enters it.
const taskVariable = "NODESEC_LAB_ACTOR"

const (
	taskFirst = "first"
	taskObey  = "obey"
	taskEnter = "enter"
)

// insideVariable names the one that tells process 1 what it is the first of.
const insideVariable = "NODESEC_LAB_INSIDE"

// wireFD is the descriptor of a child's end of the wire.
const wireFD = 3

// RunChildIfAsked turns this process into part of an actor when a Stage made it for that, and then does not return.
// Otherwise it does nothing. It must come first in main, or TestMain, of programs that make actors.
func RunChildIfAsked() {
	task := os.Getenv(taskVariable)
	if task == "" {
		return
	}
	run := runFirst
	switch task {
	case taskObey:
		run = runObey
	case taskEnter:
		run = runEntered
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "actor:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// selfCommand runs this program as a child with a task. It is the file itself that is run, whatever has its name now.
func selfCommand(task string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{taskVariable + "=" + task}
	return cmd
}
