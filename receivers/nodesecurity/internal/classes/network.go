// SPDX-License-Identifier: Apache-2.0

package classes

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
)

func (t *Tables) compilePorts(defaults, changes map[string][]int) error {
	t.Ports = map[uint16]uint32{}
	return compileMembers(section[int]{"ports", PortClassNames(), defaults, changes},
		func(class int, port int) error {
			if port < 1 || port > math.MaxUint16 {
				return fmt.Errorf("must be between 1 and %d, got %d", math.MaxUint16, port)
			}
			t.Ports[uint16(port)] |= PortClass(class).Bit()
			return nil
		})
}

func (t *Tables) compileNetworks(defaults, changes map[string][]string) error {
	direct := map[netip.Prefix]uint32{}
	err := compileMembers(section[string]{"networks", NetworkClassNames(), defaults, changes},
		func(class int, text string) error {
			prefix, err := parsePrefix(text)
			if err != nil {
				return fmt.Errorf("%w, got %q", err, text)
			}
			direct[prefix] |= NetworkClass(class).Bit()
			return nil
		})
	t.Networks = make([]Network, 0, len(direct))
	for _, prefix := range slices.SortedFunc(maps.Keys(direct), comparePrefixes) {
		network := Network{Prefix: prefix}
		for length := range prefix.Bits() + 1 {
			network.Bits |= direct[netip.PrefixFrom(prefix.Addr(), length).Masked()]
		}
		t.Networks = append(t.Networks, network)
	}
	return err
}

// parsePrefix reads a member of a network class. Its errors say what the member must be, without the member.
func parsePrefix(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if addr, addrErr := netip.ParseAddr(text); err != nil && addrErr == nil && addr.Zone() == "" {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	switch {
	case err != nil && strings.Contains(text, "%"):
		return prefix, errors.New("must not have a zone")
	case err != nil:
		return prefix, errors.New(`must be a prefix like "10.0.0.0/8" or an address`)
	case prefix.Addr().Is4In6():
		return prefix, errors.New("must be written as IPv4")
	case prefix != prefix.Masked():
		return prefix, fmt.Errorf("must have no bits set after the prefix, as in %q", prefix.Masked())
	}
	return prefix, nil
}

func comparePrefixes(a, b netip.Prefix) int {
	if order := a.Addr().Compare(b.Addr()); order != 0 { // IPv4 sorts before IPv6
		return order
	}
	return a.Bits() - b.Bits()
}
