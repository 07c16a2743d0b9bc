// SPDX-License-Identifier: Apache-2.0

//go:build !nolibchdb

package embedded

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"
)

// cmdlineSymbol is libchdb's entry into clickhouse-local: chdb_query_cmdline(int argc, char **argv).
const cmdlineSymbol = "chdb_query_cmdline"

// serveQueries make clickhouse-local a server: it opens the ports of its configuration, then waits on a file that
// ends when the server shall. The file is read by the client side of clickhouse-local (INFILE), which takes no
// right to read files from the user as file() would.
const serveQueries = `SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; ` +
	`INSERT INTO FUNCTION null('l String') FROM INFILE '/proc/self/fd/%d' COMPRESSION 'none' FORMAT LineAsString`

// serveLibrary loads libchdb and serves until stop is closed.
func serveLibrary(task childTask, stop <-chan struct{}) error {
	// A client that vanishes while it is written to raises SIGPIPE in a thread of ClickHouse, where the runtime's handler
	// would end the process. A clickhouse binary ignores it as well.
	signal.Ignore(unix.SIGPIPE)
	handle, err := purego.Dlopen(task.Library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return fmt.Errorf("load libchdb: %w", err)
	}
	entry, err := purego.Dlsym(handle, cmdlineSymbol)
	if err != nil {
		return fmt.Errorf("%s is not libchdb: %w", task.Library, err)
	}
	wait, end, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe: %w", err)
	}
	go func() {
		<-stop
		// Who asked may be gone: nobody else would kill this process.
		time.AfterFunc(shutdownGrace, func() { _ = unix.Kill(os.Getpid(), unix.SIGKILL) })
		_ = end.Close()
	}()
	// ClickHouse starts its threads from this one, so they are confined with it.
	runtime.LockOSThread()
	if err := confine(task.Folder); err != nil {
		return fmt.Errorf("confine ClickHouse to its folder: %w", err)
	}
	result := callMain(entry,
		"clickhouse", // argv[0] is skipped
		"--config-file", task.Config,
		"--log-level", "information", // clickhouse-local takes the level from here alone
		"--query", fmt.Sprintf(serveQueries, wait.Fd()),
	)
	select {
	case <-stop:
		return nil
	default:
		return fmt.Errorf("ClickHouse ended by itself: %s", resultError(handle, result))
	}
}

// resultError returns what chdb_result_error(chdb_result *) tells of the result of a call: errors of the
// configuration are told there alone.
func resultError(handle, result uintptr) string {
	symbol, err := purego.Dlsym(handle, "chdb_result_error")
	if err != nil || result == 0 {
		return "no result"
	}
	var message func(result uintptr) string
	purego.RegisterFunc(&message, symbol)
	text, _, _ := strings.Cut(message(result), ", Stack trace (") // addresses without names
	return text
}

// callMain calls a C function with the arguments of main and returns its result.
func callMain(entry uintptr, args ...string) uintptr {
	var pin runtime.Pinner
	defer pin.Unpin()
	argv := make([]*byte, len(args)+1) // ends with NULL, as main's
	for i, arg := range args {
		text := append([]byte(arg), 0)
		argv[i] = &text[0]
		pin.Pin(argv[i])
	}
	pin.Pin(&argv[0])
	result, _, _ := purego.SyscallN(entry, uintptr(len(args)), uintptr(unsafe.Pointer(&argv[0])))
	return result
}
