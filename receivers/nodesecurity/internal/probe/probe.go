// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"math/bits"
	"os"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/nodesec/nodesec/receivers/nodesecurity/internal/classes"
)

// Probe is the loaded programs and their counters.
//
// A cgroup gets a slot at its first event and keeps it until Release. Slots are numbers of places in arrays that are
// mapped into this process: counters, in shards of which each CPU uses one, and bitmaps for distinct counts. Counters only
// ever grow (modulo 2^32), and all additions are atomic, so reading them loses nothing and needs no system call: what
// happened in a tick is the difference to the previous reading. Slot 0 takes what happens in cgroups that got no slot.
//
// Probe is not safe for concurrent use.
type Probe struct {
	maps     map[string]*ebpf.Map
	programs map[string]*ebpf.Program
	links    []link.Link
	status   []Status
	missing  uint64
	shards   int
	slots    int
	epoch    uint32

	counterMemory, slotMemory, distinctMemory, lostMemory *ebpf.Memory
	news, events                                          *ringbuf.Reader
	record                                                ringbuf.Record
	shard                                                 bpfCounters
	distinct                                              bpfDistinct
}

// Status is what became of a program. Err is nil if it runs.
type Status struct {
	Program string
	Group   Group
	Err     error
}

// Status tells of each program whether it runs.
func (p *Probe) Status() []Status { return p.status }

// Missing has the bit 1<<group of each group of which a program is missing.
func (p *Probe) Missing() uint64 { return p.missing }

// Close detaches the programs and frees the maps.
func (p *Probe) Close() error {
	var errs []error
	for _, l := range p.links {
		errs = append(errs, l.Close())
	}
	for _, reader := range []*ringbuf.Reader{p.news, p.events} {
		if reader != nil {
			errs = append(errs, reader.Close())
		}
	}
	for _, program := range p.programs {
		errs = append(errs, program.Close())
	}
	for _, m := range p.maps {
		errs = append(errs, m.Close())
	}
	p.links, p.news, p.events, p.programs, p.maps = nil, nil, nil, nil, nil
	return errors.Join(errs...)
}

// Counters are the counters of a cgroup, or differences of them.
type Counters struct {
	// Syscalls counts system calls that returned, by number.
	Syscalls [Syscalls]uint32
	// Counts are the other counters.
	Counts [bpfCountCOUNTS]uint32
	// Bytes sent and received through IP sockets, and of DNS queries.
	SentBytes, ReceivedBytes, DNSBytes uint64
}

// Add adds the other counters.
func (c *Counters) Add(other *Counters) {
	for i := range c.Syscalls {
		c.Syscalls[i] += other.Syscalls[i]
	}
	for i := range c.Counts {
		c.Counts[i] += other.Counts[i]
	}
	c.SentBytes += other.SentBytes
	c.ReceivedBytes += other.ReceivedBytes
	c.DNSBytes += other.DNSBytes
}

// Since sets c to what other grew by since it was before.
func (c *Counters) Since(now, before *Counters) {
	for i := range c.Syscalls {
		c.Syscalls[i] = now.Syscalls[i] - before.Syscalls[i]
	}
	for i := range c.Counts {
		c.Counts[i] = now.Counts[i] - before.Counts[i]
	}
	c.SentBytes = now.SentBytes - before.SentBytes
	c.ReceivedBytes = now.ReceivedBytes - before.ReceivedBytes
	c.DNSBytes = now.DNSBytes - before.DNSBytes
}

// Slot is a slot in use.
type Slot struct {
	Number uint32
	// Cgroup is the ID of the cgroup: the inode number of its directory.
	Cgroup uint64
	// Born is when the first event of the cgroup was counted, as time since boot.
	Born time.Duration
	// Made is when the cgroup was made, ns since the epoch; zero if it is older than the programs.
	Made uint64
}

// Slots are the slots in use.
func (p *Probe) Slots() iter.Seq[Slot] {
	return func(yield func(Slot) bool) {
		var s bpfSlot
		for number := 1; number < p.slots; number++ {
			if err := readAt(p.slotMemory, &s, number); err != nil || s.Cgroup == 0 {
				continue
			}
			if !yield(Slot{Number: uint32(number), Cgroup: s.Cgroup, Born: time.Duration(s.Born), Made: s.Made}) {
				return
			}
		}
	}
}

// SetMade tells the programs when a cgroup was made that is older than they are.
func (p *Probe) SetMade(slot uint32, made time.Time) error {
	var s bpfSlot
	offset := int64(slot)*int64(unsafe.Sizeof(s)) + int64(unsafe.Offsetof(s.Made))
	value := uint64(made.UnixNano())
	_, err := p.slotMemory.WriteAt(bytesOf(&value), offset)
	return err
}

// Read adds up the shards of a slot.
func (p *Probe) Read(slot uint32, c *Counters) error {
	*c = Counters{}
	for shard := range p.shards {
		if err := readAt(p.counterMemory, &p.shard, int(slot)*p.shards+shard); err != nil {
			return err
		}
		for i, n := range p.shard.Syscalls {
			c.Syscalls[i] += n
		}
		for i, n := range p.shard.Counts {
			c.Counts[i] += n
		}
		c.SentBytes += p.shard.Big[bpfBigCountBIG_SENT_BYTES]
		c.ReceivedBytes += p.shard.Big[bpfBigCountBIG_RECEIVED_BYTES]
		c.DNSBytes += p.shard.Big[bpfBigCountBIG_DNS_BYTES]
	}
	return nil
}

// Release frees the slot of a cgroup that is gone. Its counters stay as they are: the next cgroup counts on.
func (p *Probe) Release(s Slot) error {
	if err := p.maps["slot_by_cgroup"].Delete(s.Cgroup); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("release the slot of cgroup %d: %w", s.Cgroup, err)
	}
	var zero bpfSlot
	if _, err := p.slotMemory.WriteAt(bytesOf(&zero), int64(s.Number)*int64(unsafe.Sizeof(zero))); err != nil {
		return err
	}
	if err := p.maps["free_slots"].Put(nil, s.Number); err != nil {
		return fmt.Errorf("release slot %d: %w", s.Number, err)
	}
	return nil
}

// BeginTick lets the programs mark distinct things in the other bitmaps, so that those of the tick that ends can be read,
// and tells them how far the wall clock is from the time since boot.
func (p *Probe) BeginTick(wall time.Time, boot time.Duration) error {
	p.epoch ^= 1
	return p.maps[".data.tick"].Put(uint32(0), bpfTick{Epoch: p.epoch, WallOffset: wall.UnixNano() - int64(boot)})
}

// Lost tells how many events, events with text and news of cgroups were lost so far: those without a slot are counted
// for the node only.
func (p *Probe) Lost() (unattributed, events, cgroups uint64) {
	var lost [bpfLostLOST_KINDS]uint64
	for i := range lost {
		_ = readAt(p.lostMemory, &lost[i], i)
	}
	return lost[bpfLostLOST_SLOT], lost[bpfLostLOST_EVENT], lost[bpfLostLOST_CGROUP]
}

// Skipped is how often programs did not run so far, because they interrupted themselves.
func (p *Probe) Skipped() (skipped uint64) {
	for _, program := range p.programs {
		if info, err := program.Stats(); err == nil {
			skipped += info.RecursionMisses
		}
	}
	return skipped
}

// Distinct are bitmaps for linear counting, one of each kind.
type Distinct [bpfDistinctKindDISTINCT_KINDS][len(bpfDistinct{}.Bits[0][0])]uint64

// The kinds of things that are counted once however often they occur in a tick.
const (
	DistinctExecutables = bpfDistinctKindDISTINCT_EXECUTABLES
	DistinctDirectories = bpfDistinctKindDISTINCT_DIRECTORIES
	DistinctAddresses   = bpfDistinctKindDISTINCT_ADDRESSES
	DistinctPorts       = bpfDistinctKindDISTINCT_PORTS
	DistinctDNSLengths  = bpfDistinctKindDISTINCT_DNS_LENGTHS
)

// TakeDistinct joins what the slot saw in the tick that ended into d, and clears it.
func (p *Probe) TakeDistinct(slot uint32, d *Distinct) error {
	if err := readAt(p.distinctMemory, &p.distinct, int(slot)); err != nil {
		return err
	}
	ended := &p.distinct.Bits[p.epoch^1]
	marked := false
	for kind := range ended {
		for i, word := range ended[kind] {
			d[kind][i] |= word
			marked = marked || word != 0
		}
	}
	if !marked {
		return nil
	}
	*ended = [len(ended)][len(ended[0])]uint64{}
	offset := int64(slot)*int64(unsafe.Sizeof(p.distinct)) + int64(p.epoch^1)*int64(unsafe.Sizeof(*ended))
	_, err := p.distinctMemory.WriteAt(bytesOf(ended), offset)
	return err
}

// Estimate is how many distinct things of a kind there were, by linear counting: -m ln(z/m), where z of m bits are zero
// (Whang, Vander-Zanden, Taylor: A linear-time probabilistic counting algorithm, 1990). With 1024 bits the standard error
// is 2 % at 100 things, 3 % at 1000 and 8 % at 5000; 7098 is the most that it can tell.
func (d *Distinct) Estimate(kind bpfDistinctKind) int64 {
	set := 0
	for _, word := range d[kind] {
		set += bits.OnesCount64(word)
	}
	m := float64(len(d[kind]) * 64)
	zero := max(m-float64(set), 1)
	return int64(math.Round(m * math.Log(m/zero)))
}

// sensitivePaths are the classes of paths that nothing ordinary links to or reaches by "..".
func sensitivePaths() (bits uint64) {
	for _, class := range []classes.PathClass{
		classes.PathCredentials, classes.PathPrivateKey, classes.PathCloudCredentials, classes.PathKubernetesCredentials,
		classes.PathServiceAccountToken, classes.PathSSH, classes.PathEscape,
	} {
		bits |= class.Bit()
	}
	return bits
}

func readAt[T any](m *ebpf.Memory, value *T, index int) error {
	_, err := m.ReadAt(bytesOf(value), int64(index)*int64(unsafe.Sizeof(*value)))
	return err
}

func bytesOf[T any](value *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(value)), unsafe.Sizeof(*value))
}

// drain calls take with the records that are in the ring now, at most limit of them.
func (p *Probe) drain(reader *ringbuf.Reader, limit int, take func(sample []byte)) error {
	reader.SetDeadline(time.Unix(1, 0)) // long ago: do not wait
	for range limit {
		err := reader.ReadInto(&p.record)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a BPF ring buffer: %w", err)
		}
		take(p.record.RawSample)
	}
	return nil
}
