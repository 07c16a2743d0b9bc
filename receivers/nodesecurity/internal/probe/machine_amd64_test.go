// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"
)

// Where a program is loaded: its code after the ELF headers, its data in the same segment.
const (
	codeAt     = 0x400000
	dataAt     = 0x408000
	headerSize = 64 + 56
)

// machine is a static executable made of system calls, so that a test knows each one: no runtime and no libc adds any. It
// keeps count of the calls that return.
type machine struct {
	code, data []byte
	returned   [Syscalls]uint32
	times      uint32 // how often what is being written runs
}

// The arguments of system calls besides numbers.
type (
	address uint64   // in the program
	result  struct{} // of the previous system call
	saved   address  // a result that was saved there
)

// newMachine returns a program that does nothing yet but wait for a byte on its standard input.
func newMachine() *machine {
	p := &machine{times: 1}
	p.call("read", 0, p.room(8), 1)
	return p
}

// newTarget returns a program that exits at once.
func newTarget(status int) *machine {
	p := &machine{times: 1}
	p.exit(status)
	return p
}

func (p *machine) bytes(b []byte) address {
	p.data = append(p.data, make([]byte, -len(p.data)&15)...)
	at := dataAt + len(p.data)
	p.data = append(p.data, b...)
	return address(at)
}

func (p *machine) string(s string) address { return p.bytes(append([]byte(s), 0)) }

func (p *machine) room(n int) address { return p.bytes(make([]byte, n)) }

// words lays out 64-bit words, as most structures of system calls are.
func (p *machine) words(words ...any) address {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, wordOf(w))
	}
	return p.bytes(b)
}

func wordOf(w any) uint64 {
	switch w := w.(type) {
	case int:
		return uint64(w)
	case address:
		return uint64(w)
	case syscall.Signal:
		return uint64(w)
	case uint64:
		return w
	}
	panic(fmt.Sprintf("no word: %T", w))
}

func (p *machine) emit(b ...byte) { p.code = append(p.code, b...) }

func (p *machine) emit64(n uint64) { p.code = binary.LittleEndian.AppendUint64(p.code, n) }

// load sets a register.
func (p *machine) load(register byte, value any) {
	high := register >> 3
	switch v := value.(type) {
	case result: // mov register, rax
		p.emit(0x48|high, 0x89, 0xc0|register&7)
	case saved: // mov register, [v]
		p.emit(0x48|high<<2, 0x8b, 0x04|register&7<<3, 0x25)
		p.code = binary.LittleEndian.AppendUint32(p.code, uint32(v))
	default: // mov register, value
		p.emit(0x48|high, 0xb8|register&7)
		p.emit64(wordOf(value))
	}
}

func numberOf(name string) int {
	number := slices.Index(syscallNames(), name)
	if number < 0 {
		panic("no system call " + name)
	}
	return number
}

// call does a system call and counts it.
func (p *machine) call(name string, args ...any) {
	p.returned[numberOf(name)] += p.times
	p.callNumber(numberOf(name), args...)
}

func (p *machine) callNumber(number int, args ...any) {
	registers := []byte{7, 6, 2, 10, 8, 9} // rdi, rsi, rdx, r10, r8, r9
	for i, arg := range args {
		if arg == (result{}) {
			p.load(registers[i], arg)
		}
	}
	for i, arg := range args {
		if arg != (result{}) {
			p.load(registers[i], arg)
		}
	}
	p.load(0, number)
	p.emit(0x0f, 0x05)
}

// call32 does a 32-bit system call by int 0x80.
func (p *machine) call32(number, first, second uint32) {
	p.emit(0x53) // push rbx
	for _, load := range []struct {
		opcode byte
		value  uint32
	}{{0xb8, number}, {0xbb, first}, {0xb9, second}, {0xba, 0}} { // mov eax, ebx, ecx, edx
		p.emit(load.opcode)
		p.code = binary.LittleEndian.AppendUint32(p.code, load.value)
	}
	p.emit(0xcd, 0x80, 0x5b)
}

// save keeps the result of the previous system call.
func (p *machine) save() saved {
	at := p.room(8)
	p.emit(0x48, 0xa3)
	p.emit64(uint64(at))
	return saved(at)
}

// exit ends the process; it does not return and so is not counted.
func (p *machine) exit(status int) { p.callNumber(numberOf("exit_group"), status) }

// fault writes to address 0.
func (p *machine) fault() { p.emit(0x31, 0xc0, 0x89, 0x00) }

// spin waits for a signal without a system call.
func (p *machine) spin() { p.emit(0xeb, 0xfe) }

func (p *machine) jump(opcode ...byte) (place int) {
	p.emit(opcode...)
	p.emit(0, 0, 0, 0)
	return len(p.code)
}

func (p *machine) land(place int) {
	binary.LittleEndian.PutUint32(p.code[place-4:], uint32(len(p.code)-place))
}

// loop does something n times.
func (p *machine) loop(n int, body func()) {
	if n < 1 {
		panic("a loop runs once at least")
	}
	before := p.times
	p.times *= uint32(n)
	p.emit(0x53, 0x48, 0xbb) // push rbx; mov rbx, n
	p.emit64(uint64(n))
	start := len(p.code)
	body()
	p.emit(0x48, 0xff, 0xcb) // dec rbx
	place := p.jump(0x0f, 0x85)
	binary.LittleEndian.PutUint32(p.code[place-4:], uint32(start-place))
	p.emit(0x5b) // pop rbx
	p.times = before
}

// child is what a new task does where the previous system call made one: there it returned 0.
func (p *machine) child(body func()) {
	p.emit(0x48, 0x85, 0xc0) // test rax, rax
	place := p.jump(0x0f, 0x85)
	body()
	p.exit(0)
	p.land(place)
}

// fork makes a process and keeps its number.
func (p *machine) fork(body func()) saved {
	p.call("fork")
	p.child(body)
	return p.save()
}

// wait waits for a child.
func (p *machine) wait() { p.call("wait4", -1, 0, 0, 0) }

// exec becomes another program with one argument, its path. The calls of that program are not counted here.
func (p *machine) exec(path string) {
	at := p.string(path)
	p.call("execve", at, p.words(at, 0), p.words(0))
}

// sleep waits some milliseconds.
func (p *machine) sleep(ms int) { p.call("nanosleep", p.words(ms/1000, ms%1000*1000000), 0) }

// elf is the program as a file.
func (p *machine) elf() []byte {
	code := append(slices.Clone(p.code), 0x31, 0xff, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05) // exit_group(0)
	size := headerSize + len(code)
	if size > dataAt-codeAt {
		panic("too much code")
	}
	if len(p.data) > 0 {
		size = dataAt - codeAt + len(p.data)
	}
	var b bytes.Buffer
	le := binary.LittleEndian
	b.WriteString("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	for _, field := range []any{
		uint16(2), uint16(62), uint32(1), uint64(codeAt + headerSize), uint64(64), uint64(0), // executable, x86-64
		uint32(0), uint16(64), uint16(56), uint16(1), uint16(0), uint16(0), uint16(0),
		uint32(1), uint32(7), uint64(0), uint64(codeAt), uint64(codeAt), // a segment to read, write and execute
		uint64(size), uint64(size + 0x10000), uint64(0x1000),
	} {
		_ = binary.Write(&b, le, field)
	}
	b.Write(code)
	b.Write(make([]byte, size-b.Len()))
	copy(b.Bytes()[size-len(p.data):], p.data)
	return b.Bytes()
}
