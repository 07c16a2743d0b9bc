// SPDX-License-Identifier: Apache-2.0

// Package probe counts security events inside the kernel and reads the counts.
//
// The programs are in bpf/. They attach to tracepoints, decide there what an event means, and add to counters of the
// cgroup it happened in. Nothing is sent to user space but rare events with a text, so no load makes it drop any: see
// Probe for how the counters are laid out.
package probe

// The clang that makes the objects; others make other bytes.
//go:generate go tool -modfile=../../../../internal/tools/go.mod bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -type event -type cgroup_news -type cgroup_made -type count -type big_count -type distinct_kind -type lost -type event_kind -type cgroup_news_kind -type action -type exe_class -type path_class -type port_class -type net_class bpf bpf/nodesecurity.bpf.c -- -O2 -mcpu=v3 -Wall -Werror -Wno-unused-function -Wno-parentheses -Wno-logical-op-parentheses -Wno-missing-declarations
