// SPDX-License-Identifier: Apache-2.0

package noderesource

import "github.com/nodesec/nodesec/receivers/internal/counter"

// deviceSums adds up the counters of all devices of a kind (disks, interfaces) into totals that only rise.
//
// Adding up the counters themselves would be wrong whenever the set of devices changes: one that is unplugged takes its
// past out of the sum, which then looks like a reset, and one that starts again hides its growth. So the totals are
// made of what each device grew by. A device that appears later started at zero when it was plugged in, so all that it
// has counted is growth; a device that vanishes leaves what it added; the value of a counter that fell is what it grew
// by since its reset. An interface that is renamed is a new device: the kernel's text does not tell it from one.
type deviceSums struct {
	// totals are the sums, in the order of the counters given to add.
	totals []uint64

	devices map[string]*device
	narrow  []int
	pass    uint64
}

// device is what is known of one device.
type device struct {
	name     string
	counters counter.Set
	// wide are the counters that the kernel keeps in 32 bits.
	wide []wideCounter
	// values are the counters as last added, growth what they grew by; not known in the pass that finds it.
	values, growth []uint64
	known          bool
	pass           uint64
}

// newDeviceSums returns sums of so many counters per device. The kernel keeps the narrow ones in 32 bits.
func newDeviceSums(counters int, narrow ...int) deviceSums {
	return deviceSums{totals: make([]uint64, counters), devices: map[string]*device{}, narrow: narrow}
}

// begin starts a pass over all devices.
func (s *deviceSums) begin() { s.pass++ }

// add adds the counters of one device. The device is valid until the end of the pass.
func (s *deviceSums) add(name []byte, counters ...uint64) *device {
	d := s.devices[string(name)]
	if d == nil {
		d = &device{
			name: string(name), counters: counter.Set{Newborn: s.pass > 1}, wide: make([]wideCounter, len(s.narrow)),
			values: make([]uint64, len(s.totals)), growth: make([]uint64, len(s.totals)),
		}
		s.devices[d.name] = d
	}
	d.pass = s.pass
	copy(d.values, counters)
	for i, c := range s.narrow {
		d.values[c] = d.wide[i].update(d.values[c])
	}
	for i, value := range d.values {
		d.growth[i], d.known = d.counters.Update(i, value)
		s.totals[i] += d.growth[i]
	}
	d.counters.Newborn = false
	return d
}

// end ends the pass and forgets the devices that it did not find.
func (s *deviceSums) end() {
	for name, d := range s.devices {
		if d.pass != s.pass {
			delete(s.devices, name)
		}
	}
}

// point is the value of a data point of the device's own.
func (d *device) point(counterIndex int, temporality counter.Temporality) (value int64, ok bool) {
	if temporality == counter.Cumulative {
		return int64(d.values[counterIndex]), true
	}
	return int64(d.growth[counterIndex]), d.known
}
