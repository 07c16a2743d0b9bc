// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// What nodesecurity counts inside the kernel. All programs are tracepoints with BTF.
// clang-format off: the order matters
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
#include "shared.h"
#include "maps.h"
#include "slot.h"
#include "path.h"
#include "spelled.h"
#include "process.h"
#include "network.h"
#include "syscall.h"
#include "files.h"
#include "sockets.h"
#include "cgroup.h"
// clang-format on

// For the BTF of types that no map has.
const struct event *unused_event __attribute__((unused));
const struct cgroup_made *unused_cgroup_made __attribute__((unused));
const enum count *unused_count __attribute__((unused));
const enum big_count *unused_big_count __attribute__((unused));
const enum distinct_kind *unused_distinct_kind __attribute__((unused));
const enum lost *unused_lost __attribute__((unused));
const enum event_kind *unused_event_kind __attribute__((unused));
const enum cgroup_news_kind *unused_cgroup_news_kind __attribute__((unused));
const enum action *unused_action __attribute__((unused));
const enum exe_class *unused_exe_class __attribute__((unused));
const enum path_class *unused_path_class __attribute__((unused));
const enum port_class *unused_port_class __attribute__((unused));
const enum net_class *unused_net_class __attribute__((unused));

char _license[] SEC("license") = "Dual BSD/GPL";
