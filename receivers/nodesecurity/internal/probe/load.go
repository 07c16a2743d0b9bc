// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"maps"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
)

// Load creates the maps, loads every program that the kernel takes and attaches it. Programs that can not be loaded are
// told by Status, and cost the features of their group only; the error means that nothing can be counted at all.
func Load(o Options) (_ *Probe, err error) {
	if o.MaxCgroups < 2 || o.MaxCgroups > 1<<20 {
		return nil, fmt.Errorf("load BPF maps: the number of cgroups must be 2 to %d, got %d", 1<<20, o.MaxCgroups)
	}
	spec, err := loadBpf()
	if err != nil {
		return nil, fmt.Errorf("read the BPF objects: %w", err)
	}
	cache := btf.NewCache() // of the kernel's types, for the time of loading
	if err := o.apply(spec, cache); err != nil {
		return nil, err
	}
	p := &Probe{shards: o.shards(), slots: o.MaxCgroups, programs: map[string]*ebpf.Program{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.maps, err = newMaps(spec); err != nil {
		return nil, err
	}
	if err := p.fill(&o); err != nil {
		return nil, err
	}
	if err := p.open(); err != nil {
		return nil, err
	}
	p.loadPrograms(spec, cache)
	return p, nil
}

// apply sets the constants and the sizes of the maps.
func (o *Options) apply(spec *ebpf.CollectionSpec, cache *btf.Cache) error {
	variables := map[string]any{
		"cgroup_v2":       o.Controller == "",
		"newest_cgroup":   o.NewestCgroup,
		"shards":          uint32(o.shards()),
		"host_device":     o.HostDevice,
		"calls":           callTable(),
		"root_flags":      o.Tables.PathRoot.Flags,
		"sensitive_paths": sensitivePaths(),
		"tick":            bpfTick{WallOffset: o.WallOffset},
	}
	kernel, err := cache.Kernel()
	if err != nil {
		return fmt.Errorf("read the kernel's BTF (CONFIG_DEBUG_INFO_BTF, /sys/kernel/btf/vmlinux): %w", err)
	}
	variables["exit_tells_last"] = tracepointArguments(kernel, "sched_process_exit") > 1
	if o.Controller != "" {
		number, err := controllerNumber(kernel, o.Controller)
		if err != nil {
			return err
		}
		variables["controller"] = number
	}
	for name, value := range variables {
		if err := spec.Variables[name].Set(value); err != nil {
			return fmt.Errorf("set the BPF constant %s: %w", name, err)
		}
	}
	for name, size := range o.mapSizes() {
		spec.Maps[name].MaxEntries = size
	}
	return nil
}

// controllerNumber is the place of a v1 controller in css_set.subsys, which depends on what the kernel was built with.
func controllerNumber(kernel *btf.Spec, name string) (uint32, error) {
	if name == "blkio" {
		name = "io"
	}
	var subsystems *btf.Enum
	if err := kernel.TypeByName("cgroup_subsys_id", &subsystems); err != nil {
		return 0, fmt.Errorf("look up cgroup_subsys_id in the kernel's BTF: %w", err)
	}
	for _, value := range subsystems.Values {
		if value.Name == name+"_cgrp_id" {
			return uint32(value.Value), nil
		}
	}
	return 0, fmt.Errorf("look up the cgroup controller %s in the kernel's BTF: the kernel has no such controller", name)
}

// tracepointArguments is how many arguments a tracepoint has on this kernel; zero if it is not known.
func tracepointArguments(kernel *btf.Spec, name string) int {
	var hook *btf.Typedef // of a pointer to a function whose first argument is the tracepoint's own
	if kernel.TypeByName("btf_trace_"+name, &hook) != nil {
		return 0
	}
	pointer, ok := hook.Type.(*btf.Pointer)
	if !ok {
		return 0
	}
	function, ok := pointer.Target.(*btf.FuncProto)
	if !ok {
		return 0
	}
	return len(function.Params) - 1
}

// newMaps creates all maps.
func newMaps(spec *ebpf.CollectionSpec) (map[string]*ebpf.Map, error) {
	only := spec.Copy()
	only.Programs = nil
	collection, err := ebpf.NewCollection(only)
	if err != nil {
		return nil, fmt.Errorf("create the BPF maps: %w", err)
	}
	created := maps.Clone(collection.Maps)
	for name := range created {
		collection.DetachMap(name)
	}
	collection.Close()
	return created, nil
}

// fill writes the class tables and hands out the slots.
func (p *Probe) fill(o *Options) error {
	var errs []error
	put := func(name string, key, value any) {
		if err := p.maps[name].Put(key, value); err != nil {
			errs = append(errs, fmt.Errorf("fill the BPF map %s: %w", name, err))
		}
	}
	for name, bits := range o.Tables.Executables {
		put("executables", name, bits)
	}
	for key, node := range o.Tables.PathNodes {
		put("paths", key, node)
	}
	for name, bits := range o.Tables.Leaves {
		put("leaves", name, bits)
	}
	for name, bits := range o.Tables.Directories {
		put("directories", name, bits)
	}
	for port, bits := range o.Tables.Ports {
		put("ports", port, bits)
	}
	for _, network := range o.Tables.Networks {
		key := bpfNetworkKey{Length: uint32(network.Prefix.Bits()), Address: network.Prefix.Addr().As16()}
		if network.Prefix.Addr().Is4() {
			key.Length += 96 // mapped into IPv6
		}
		put("networks", key, network.Bits)
	}
	for slot := 1; slot < o.MaxCgroups; slot++ {
		put("free_slots", nil, uint32(slot))
	}
	return errors.Join(errs...)
}

// open maps what user space reads into memory.
func (p *Probe) open() (err error) {
	for name, memory := range map[string]**ebpf.Memory{
		"shard_counters": &p.counterMemory, "slots": &p.slotMemory, "distincts": &p.distinctMemory, "losses": &p.lostMemory,
	} {
		if *memory, err = p.maps[name].Memory(); err != nil {
			return fmt.Errorf("map the memory of the BPF map %s: %w", name, err)
		}
	}
	if p.news, err = ringbuf.NewReader(p.maps["news"]); err != nil {
		return fmt.Errorf("open the ring buffer of cgroups: %w", err)
	}
	if p.events, err = ringbuf.NewReader(p.maps["events"]); err != nil {
		return fmt.Errorf("open the ring buffer of events: %w", err)
	}
	return nil
}

// loadPrograms loads each program by itself, so that one which the kernel refuses takes no other with it. All are attached
// at the end, close to each other, so that what they count begins at one time.
func (p *Probe) loadPrograms(spec *ebpf.CollectionSpec, cache *btf.Cache) {
	list := programs()
	for _, program := range list {
		p.status = append(p.status, Status{
			Program: program.name, Group: program.group, Err: p.loadProgram(spec, cache, program.name),
		})
	}
	for i, program := range list {
		status := &p.status[i]
		if status.Err == nil {
			status.Err = p.attach(program)
		}
		if status.Err != nil {
			p.missing |= 1 << program.group
		}
	}
	if p.programs["on_sys_exit"] == nil { // its handlers are never called then
		for _, program := range list {
			if program.action != 0 {
				p.missing |= 1 << program.group
			}
		}
	}
}

func (p *Probe) loadProgram(spec *ebpf.CollectionSpec, cache *btf.Cache, name string) error {
	if p.programs[name] != nil {
		return nil
	}
	one := &ebpf.CollectionSpec{
		Maps: spec.Maps, Variables: spec.Variables, Types: spec.Types, ByteOrder: spec.ByteOrder,
		Programs: map[string]*ebpf.ProgramSpec{name: spec.Programs[name]},
	}
	collection, err := ebpf.NewCollectionWithOptions(one.Copy(), ebpf.CollectionOptions{MapReplacements: p.maps, Cache: cache})
	if err != nil {
		return fmt.Errorf("load the BPF program %s: %w", name, err)
	}
	p.programs[name] = collection.DetachProgram(name)
	collection.Close()
	return nil
}

// attach hangs the program to its tracepoint, or to the system calls that it handles.
func (p *Probe) attach(program program) error {
	loaded := p.programs[program.name]
	if program.action != 0 {
		if err := p.maps["handlers"].Put(uint32(program.action), loaded); err != nil {
			return fmt.Errorf("hook in the BPF program %s: %w", program.name, err)
		}
		return nil
	}
	attached, err := link.AttachTracing(link.TracingOptions{Program: loaded})
	if err != nil {
		return fmt.Errorf("attach the BPF program %s: %w", program.name, err)
	}
	p.links = append(p.links, attached)
	return nil
}
