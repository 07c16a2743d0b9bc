// SPDX-License-Identifier: Apache-2.0

// Command node runs a command beside a real Kubernetes node of its own:
//
//	go run ./tests/kubernetes/node [-image FILE]... COMMAND [ARGUMENT...]
//
// The node is up when the command starts and gone when it has ended. The command finds it through kubectl on its PATH.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/nodesec/nodesec/tests/kubernetes/cluster"
)

func main() {
	cluster.RunStageIfAsked()
	var images []string
	flag.Func("image", "OCI archive that the node shall have, may be repeated", func(file string) error {
		images = append(images, file)
		return nil
	})
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "no command: say what to run beside the node")
		os.Exit(2)
	}
	code, err := cluster.RunNode(context.Background(), images, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
