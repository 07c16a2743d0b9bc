// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const atEmptyPath = 0x1000 // AT_EMPTY_PATH

// execFile executes the file of a descriptor.
func (p *machine) execFile(descriptor any) {
	p.call("execveat", descriptor, p.string(""), p.words(p.string("x"), 0), p.words(0), atEmptyPath)
	p.returned[numberOf("execveat")]--
	p.returned[numberOf("execve")]++ // as which it returns, see bpf/syscall.h
}

// privateMounts keeps mounts from the rest of the host.
func (p *machine) privateMounts() {
	p.call("unshare", syscall.CLONE_NEWNS)
	p.call("mount", p.string("none"), p.string("/"), 0, syscall.MS_REC|syscall.MS_PRIVATE, 0)
}

// write makes a file with a program in it, or changes one.
func (p *machine) write(path string, flags int) {
	elf := newTarget(0).elf()
	p.call("open", p.string(path), flags|syscall.O_WRONLY, 0o755)
	file := p.save()
	p.call("write", file, p.bytes(elf), len(elf))
	p.call("close", file)
}

func TestAnExecutableFileThatWasMadeOnTmpfsIsCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		dir := directory(t)
		p := newMachine()
		p.privateMounts()
		p.call("mount", p.string("tmpfs"), p.string(dir), p.string("tmpfs"), 0, 0)
		p.write(dir+"/tool", syscall.O_CREAT)
		p.exec(dir + "/tool")
		h.run(t, p, executed(outcome{CountExecTmpfs: 1, CountExecDropped: 1, CountOpen: 1, CountCreate: 1}))
	})
}

func TestAnExecutedMemfdIsCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		elf := newTarget(0).elf()
		p := newMachine()
		p.call("memfd_create", p.string("bash"), 0)
		file := p.save()
		p.call("write", file, p.bytes(elf), len(elf))
		p.execFile(file)
		h.run(t, p, executed(outcome{CountExecMemfd: 1}))
	})
}

func TestAnExecutedFileThatIsDeletedIsCounted(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		path := target(t, "tool")
		file, err := os.Open(path)
		require.NoError(t, err)
		defer file.Close()
		require.NoError(t, os.Remove(path))
		p := newMachine()
		p.execFile(3)
		h.run(t, p, executed(outcome{CountExecDeleted: 1}), func(c *exec.Cmd) { c.ExtraFiles = []*os.File{file} })
	})
}

// The clock of files and the offset between the clocks are each right to some ten milliseconds.
const later = 200

func TestAnExecutableFileThatChangedInItsCgroupWasWritten(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(p *machine, path string)
		more outcome
	}{
		{"written", func(p *machine, path string) { p.write(path, 0) }, outcome{CountOpen: 1}},
		{"renamed", func(p *machine, path string) {
			p.call("rename", p.string(path), p.string(path+"1"))
			p.call("rename", p.string(path+"1"), p.string(path))
		}, outcome{CountRename: 2}},
		{"chmod", func(p *machine, path string) { p.call("chmod", p.string(path), 0o755) },
			outcome{CountChmod: 1, CountChmodExecutable: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onEachHierarchy(t, func(t *testing.T, h *host) {
				path := target(t, "tool")
				p := newMachine()
				p.sleep(later)
				tt.do(p, path)
				p.exec(path)
				want := executed(outcome{CountExecWritten: 1})
				for count, n := range tt.more {
					want[count] = n
				}
				h.run(t, p, want)
			})
		})
	}
}

func TestAnExecutableFileThatWasMadeInItsCgroupWasDropped(t *testing.T) {
	for name, do := range map[string]func(p *machine, path string) outcome{
		"created": func(p *machine, path string) outcome {
			p.write(path, syscall.O_CREAT|syscall.O_EXCL)
			return outcome{CountOpen: 1, CountCreate: 1}
		},
		"without a name at first": func(p *machine, path string) outcome {
			elf := newTarget(0).elf()
			const tmpfile = 0o20000000 | syscall.O_DIRECTORY // O_TMPFILE
			p.call("open", p.string(filepath.Dir(path)), tmpfile|syscall.O_WRONLY, 0o755)
			file := p.save()
			p.call("write", file, p.bytes(elf), len(elf))
			p.call("linkat", file, p.string(""), -100, p.string(path), atEmptyPath)
			p.call("close", file)
			return outcome{CountOpen: 1, CountCreate: 1, CountLink: 1}
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEachHierarchy(t, func(t *testing.T, h *host) {
				path := filepath.Join(directory(t), "tool")
				p := newMachine()
				p.sleep(later)
				want := executed(outcome{CountExecDropped: 1, CountExecWritten: 1})
				for count, n := range do(p, path) {
					want[count] = n
				}
				p.exec(path)
				h.run(t, p, want)
			})
		})
	}
}

func TestAFileThatAnotherMadeIsDroppedToo(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		path := filepath.Join(directory(t), "tool")
		require.NoError(t, os.WriteFile(path, newTarget(0).elf(), 0o755))
		p := newMachine()
		p.exec(path)
		h.run(t, p, executed(outcome{CountExecDropped: 1}))
	})
}

func TestAnExecutableInTheUpperLayerOfAnOverlayWasWritten(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		dir := directory(t)
		for _, name := range []string{"lower", "upper", "work", "merged"} {
			require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		}
		newTarget(0).file(t, filepath.Join(dir, "lower"), "old")
		newTarget(0).file(t, filepath.Join(dir, "upper"), "new")
		for name, more := range map[string]outcome{"old": {}, "new": {CountExecWritten: 1}} {
			p := newMachine()
			p.privateMounts()
			p.call("mount", p.string("overlay"), p.string(dir+"/merged"), p.string("overlay"), 0,
				p.string("lowerdir="+dir+"/lower,upperdir="+dir+"/upper,workdir="+dir+"/work"))
			p.exec(dir + "/merged/" + name)
			h.run(t, p, executed(more))
		}
		p := newMachine()
		p.privateMounts()
		p.call("mount", p.string("overlay"), p.string(dir+"/merged"), p.string("overlay"), 0,
			p.string("lowerdir="+dir+"/lower,upperdir="+dir+"/upper,workdir="+dir+"/work"))
		p.write(dir+"/merged/old", 0) // copied up
		p.exec(dir + "/merged/old")
		h.run(t, p, executed(outcome{CountExecWritten: 1, CountOpen: 1}))
	})
}

func TestDistinctExecutablesOfATickAreMarkedOnce(t *testing.T) {
	onEachHierarchy(t, func(t *testing.T, h *host) {
		dir := h.cgroup(t)
		files := directory(t)
		run := func(n, times int) {
			var want Distinct
			p := newMachine()
			for i := range n {
				path := newTarget(0).file(t, files, "tool"+string(rune('a'+i)))
				p.loop(times, func() { p.fork(func() { p.exec(path) }); p.wait() })
				id := fileOf(t, path)
				hash := mix((id.Inode ^ uint64(id.Device)<<40) + 0x9e3779b97f4a7c15)
				want[DistinctExecutables][hash>>6%16] |= 1 << (hash & 63)
			}
			start(t, dir, p.file(t, directory(t), "actor")).finish(t)
			got := h.distinct(t, dir)
			require.Equal(t, want, got)
			require.InDelta(t, n, got.Estimate(DistinctExecutables), 3)
		}
		run(20, 2)
		require.Zero(t, h.distinct(t, dir))
		run(5, 3)
	})
}

// mix is that of bpf/slot.h.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// distinct ends the tick and returns what was distinct in it.
func (h *host) distinct(t *testing.T, dir string) (d Distinct) {
	t.Helper()
	require.NoError(t, h.beginTick())
	slot, ok := h.slot(dir)
	require.True(t, ok)
	require.NoError(t, h.probe.TakeDistinct(slot.Number, &d))
	return d
}
