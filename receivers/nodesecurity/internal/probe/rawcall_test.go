// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func rawActs() map[string]func(args []string) error {
	return map[string]func(args []string) error{
		"call": func(args []string) error { _, err := rawCall(args); return err },
		"open": openAndClose, "hold": hold, "chdir": func(args []string) error { return unix.Chdir(args[0]) },
		"repeat": repeat, "keep": keep,
	}
}

// The arguments of a system call, as words.
func num(n int) string { return "#" + strconv.Itoa(n) }

func str(s string) string { return "s" + s }

func raw(b []byte) string { return "x" + hex.EncodeToString(b) }

// data is so many zero bytes.
func data(n int) string { return "z" + strconv.Itoa(n) }

// cwd is the descriptor of the working directory.
func cwd() string { return num(unix.AT_FDCWD) }

// rawCall does a system call. The words are the error that it must end with ("*": any), its name and its arguments.
func rawCall(words []string) (result uintptr, err error) {
	number := slices.Index(syscallNames(), words[1])
	if number < 0 {
		return 0, fmt.Errorf("no system call %s", words[1])
	}
	var arguments [6]uintptr
	var memory [6][]byte // keeps what the arguments point to
	for i, word := range words[2:] {
		switch word[0] {
		case '#':
			n, _ := strconv.Atoi(word[1:])
			arguments[i] = uintptr(n)
			continue
		case 's':
			memory[i] = append([]byte(word[1:]), 0)
		case 'x':
			memory[i], _ = hex.DecodeString(word[1:])
		case 'z':
			n, _ := strconv.Atoi(word[1:])
			memory[i] = make([]byte, max(n, 1))
		}
		arguments[i] = uintptr(unsafe.Pointer(&memory[i][0]))
	}
	want, _ := strconv.Atoi(words[0])
	result, _, errno := unix.Syscall6(uintptr(number), arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		arguments[5])
	for _, of := range memory {
		if len(of) > 0 {
			of[0]++ // keeps it alive
		}
	}
	if errno != syscall.Errno(want) && words[0] != "*" {
		return 0, fmt.Errorf("%v: %w", words, errno)
	}
	return result, nil
}

// openAndClose does a system call that opens something, and closes that.
func openAndClose(words []string) error {
	descriptor, err := rawCall(words)
	if err == nil && words[0] == "0" {
		err = unix.Close(int(descriptor))
	}
	return err
}

// keep does a system call that opens something, and keeps that under the number that is the first word.
func keep(words []string) error {
	descriptor, err := rawCall(words[1:])
	if err != nil {
		return err
	}
	defer unix.Close(int(descriptor))
	number, _ := strconv.Atoi(words[0])
	return unix.Dup3(int(descriptor), number, 0)
}

// hold opens a path and keeps it open under a number.
func hold(args []string) error {
	flags, _ := strconv.Atoi(args[2])
	fd, err := unix.Open(args[1], flags, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	number, _ := strconv.Atoi(args[0])
	return unix.Dup3(fd, number, 0)
}

// repeat does an act again and again, each time with the next number for "%".
func repeat(args []string) error {
	times, _ := strconv.Atoi(args[0])
	act := acts()[args[1]]
	for i := range times {
		words := slices.Clone(args[2:])
		for j, word := range words {
			if len(word) > 0 && word[len(word)-1] == '%' {
				words[j] = word[:len(word)-1] + strconv.Itoa(i)
			}
		}
		if err := act(words); err != nil {
			return err
		}
	}
	return nil
}
