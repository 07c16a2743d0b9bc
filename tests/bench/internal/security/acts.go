// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// beActor does an act as often as asked for: its arguments are the act, how often, and what the act needs.
func beActor(arguments []string) error {
	acts := map[string]func(count int, target string) error{
		"getppid": getParent, "exec": execute, "connect": connect, "open": openAndClose,
	}
	act := acts[arguments[0]]
	if act == nil || len(arguments) != 3 {
		return fmt.Errorf("unknown act %q", arguments)
	}
	count, err := strconv.Atoi(arguments[1])
	if err != nil {
		return fmt.Errorf("read how often: %w", err)
	}
	runtime.LockOSThread()
	return act(count, arguments[2])
}

func getParent(count int, _ string) error {
	for range count {
		syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0)
	}
	return nil
}

// execute starts a program and waits for its end.
func execute(count int, program string) error {
	for range count {
		pid, err := syscall.ForkExec(program, []string{program}, nil)
		if err != nil {
			return fmt.Errorf("start %s: %w", program, err)
		}
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
			return fmt.Errorf("wait for %s: %w", program, err)
		}
	}
	return nil
}

func openAndClose(count int, file string) error {
	for range count {
		descriptor, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", file, err)
		}
		if err := unix.Close(descriptor); err != nil {
			return fmt.Errorf("close %s: %w", file, err)
		}
	}
	return nil
}

// connect makes TCP connections to itself. Each process goes to another address of the loopback net, so that it has all
// ports for itself: the kernel keeps those of closed connections for a minute.
func connect(count int, _ string) error {
	pid := os.Getpid()
	address := &unix.SockaddrInet4{Addr: [4]byte{127, byte(pid>>16) + 1, byte(pid >> 8), byte(pid)}}
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return fmt.Errorf("make a socket: %w", err)
	}
	if err := errors.Join(unix.Bind(listener, address), unix.Listen(listener, 16)); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	bound, err := unix.Getsockname(listener)
	if err != nil {
		return fmt.Errorf("learn the port: %w", err)
	}
	for range count {
		if err := connectOnce(listener, bound); err != nil {
			return err
		}
	}
	return nil
}

func connectOnce(listener int, address unix.Sockaddr) error {
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return fmt.Errorf("make a socket: %w", err)
	}
	if err := unix.Connect(client, address); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	accepted, _, err := unix.Accept(listener)
	if err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	if err := errors.Join(unix.Close(client), unix.Close(accepted)); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// writeTiny writes a static program that ends at once: one page, of which the kernel maps nothing else.
func writeTiny(file string) error {
	machine, code := elf.EM_X86_64, []byte{0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05} // xor edi,edi; mov eax,60; syscall
	if runtime.GOARCH == "arm64" {
		machine, code = elf.EM_AARCH64, []byte{0, 0, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 1, 0, 0, 0xd4} // mov x0,0; mov x8,93; svc
	}
	const address = 0x400000
	var header elf.Header64
	var program elf.Prog64
	start := uint64(binary.Size(header) + binary.Size(program))
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB)
	header.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	header.Type, header.Machine, header.Version = uint16(elf.ET_EXEC), uint16(machine), uint32(elf.EV_CURRENT)
	header.Entry, header.Phoff = address+start, uint64(binary.Size(header))
	header.Ehsize, header.Phentsize, header.Phnum = uint16(binary.Size(header)), uint16(binary.Size(program)), 1
	size := start + uint64(len(code))
	program = elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: address, Paddr: address,
		Filesz: size, Memsz: size, Align: 0x1000,
	}
	var out bytes.Buffer
	if err := errors.Join(binary.Write(&out, binary.LittleEndian, header), binary.Write(&out, binary.LittleEndian, program)); err != nil {
		return fmt.Errorf("make a program: %w", err)
	}
	out.Write(code)
	if err := os.WriteFile(file, out.Bytes(), 0o755); err != nil {
		return fmt.Errorf("make a program: %w", err)
	}
	return nil
}
