// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Connections, sockets and what goes through them.
#ifndef NODESEC_NETWORK_H
#define NODESEC_NETWORK_H

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define SOCK_STREAM 1
#define SOCK_RAW 3

struct endpoint {
	u8 address[16]; // IPv6, or IPv4 mapped into it
	u16 port;	// host order
};

#define NET(class) (1U << NET_##class)
#define LOCAL (NET(LOOPBACK) | NET(PRIVATE) | NET(LINK_LOCAL) | NET(METADATA) | NET(MULTICAST) | NET(API_SERVER))

static __always_inline void map_ipv4(struct endpoint *e, u32 address)
{
	__builtin_memset(e->address, 0, 10);
	e->address[10] = 0xff;
	e->address[11] = 0xff;
	__builtin_memcpy(e->address + 12, &address, 4);
}

static __always_inline void peer_of(struct sock *sk, struct endpoint *e)
{
	e->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET)
		map_ipv4(e, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	else
		BPF_CORE_READ_INTO(&e->address, sk, __sk_common.skc_v6_daddr);
}

static __always_inline u64 hash_of(struct endpoint *e)
{
	u64 halves[2];

	__builtin_memcpy(halves, e->address, 16);
	return mix(halves[0] * 31 + halves[1]);
}

static __always_inline u32 classes_of_address(struct endpoint *e)
{
	struct network_key key = {.length = 128};

	__builtin_memcpy(key.address, e->address, 16);
	u32 *bits = bpf_map_lookup_elem(&networks, &key);

	return bits ? *bits : 0;
}

static __always_inline void mark_peer(struct actor *a, struct endpoint *e)
{
	mark(a, DISTINCT_ADDRESSES, hash_of(e));
	mark(a, DISTINCT_PORTS, e->port);
}

static __always_inline void count_connect(struct actor *a, struct endpoint *e)
{
	struct counters *c = a->counters;
	u32 nets = classes_of_address(e);
	u16 port = e->port;
	u32 *known = bpf_map_lookup_elem(&ports, &port);
	u32 bits = known ? *known : 0;
	u64 exe = classes_of_task(bpf_get_current_task_btf());

	count_up(c->counts[COUNT_CONNECT]);
	add_classes(c, COUNT_CONNECT_NET, nets, NET_CLASSES);
	add_classes(c, COUNT_CONNECT_PORT, bits, PORT_CLASSES);
	if (!(nets & LOCAL))
		count_up(c->counts[COUNT_CONNECT_EXTERNAL]);
	if (exe & EXE(SHELL))
		count_up(c->counts[COUNT_CONNECT_SHELL]);
	if (exe & EXE(INTERPRETER))
		count_up(c->counts[COUNT_CONNECT_INTERPRETER]);
	if (exe & EXE(SSH_CLIENT) && !(bits & 1 << PORT_SSH))
		count_up(c->counts[COUNT_CONNECT_SSH_ODD_PORT]);
	mark_peer(a, e);
}

static __always_inline void own_socket(struct actor *a, struct sock *sk)
{
	u64 key = (u64)sk;
	struct owner owner = {.cgroup = a->cgroup};

	bpf_map_update_elem(&sockets, &key, &owner, BPF_ANY);
}

// A connection starts in the context of the task that makes it, after the address is set; it may end in an interrupt.
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_sock_state, struct sock *sk, int old, int new)
{
	u64 key = (u64)sk;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (new == TCP_CLOSE && old == TCP_SYN_SENT) {
		struct owner *owner = bpf_map_lookup_elem(&sockets, &key);

		if (owner) {
			count_for_cgroup(owner->cgroup, COUNT_CONNECT_FAILED);
			owner->failed = 1;
		}
		return 0;
	}
	if (new != TCP_SYN_SENT && new != TCP_LISTEN)
		return 0;
	struct actor a;

	if (!find_actor(&a))
		return 0;
	if (new == TCP_LISTEN) {
		add(&a, COUNT_LISTEN);
		return 0;
	}
	struct endpoint e = {};

	own_socket(&a, sk);
	peer_of(sk, &e);
	count_connect(&a, &e);
	return 0;
}

// Resets are sent after the state is CLOSE, so a socket is forgotten only when it is freed.
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_sock_destroy, struct sock *sk)
{
	u64 key = (u64)sk;

	bpf_map_delete_elem(&sockets, &key);
	return 0;
}

static __always_inline void count_for_owner(struct sock *sk, u32 what)
{
	u64 key = (u64)sk;
	struct owner *owner = sk ? bpf_map_lookup_elem(&sockets, &key) : NULL;

	if (owner)
		count_for_cgroup(owner->cgroup, what);
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_retransmit, struct sock *sk)
{
	count_for_owner(sk, COUNT_RETRANSMIT);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(on_reset_sent, struct sock *sk)
{
	count_for_owner(sk, COUNT_RESET_SENT);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(on_reset_got, struct sock *sk)
{
	count_for_owner(sk, COUNT_RESET_RECEIVED);
	return 0;
}

static __always_inline void count_dns(struct actor *a, u64 bytes)
{
	add(a, COUNT_DNS_QUERY);
	__sync_fetch_and_add(&a->counters->big[BIG_DNS_BYTES], bytes);
	mark(a, DISTINCT_DNS_LENGTHS, bytes);
}

static __always_inline bool is_port(u16 port, u32 class)
{
	u32 *bits = bpf_map_lookup_elem(&ports, &port);

	return bits && *bits & 1U << class;
}

// Called for every message of every kind of socket, in the context of the task that sends it (since 6.3).
SEC("tp_btf/sock_send_length")
int BPF_PROG(on_send, struct sock *sk, int length)
{
	u16 family = sk->__sk_common.skc_family;
	struct actor a;

	if (length < 0 || family != AF_INET && family != AF_INET6 || !find_actor(&a))
		return 0;
	add(&a, COUNT_SENT_MESSAGES);
	__sync_fetch_and_add(&a.counters->big[BIG_SENT_BYTES], length);
	u16 port = bpf_ntohs(sk->__sk_common.skc_dport);

	if (port && sk->sk_protocol == IPPROTO_UDP && is_port(port, PORT_DNS))
		count_dns(&a, length);
	return 0;
}

#define MSG_PEEK 2
#define MSG_ERRQUEUE 0x2000

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int length, int flags)
{
	u16 family = sk->__sk_common.skc_family;
	struct actor a;

	if (length < 0 || flags & (MSG_PEEK | MSG_ERRQUEUE) || family != AF_INET && family != AF_INET6 || !find_actor(&a))
		return 0;
	if (length == 0 && sk->sk_type == SOCK_STREAM) // the end
		return 0;
	add(&a, COUNT_RECEIVED_MESSAGES);
	__sync_fetch_and_add(&a.counters->big[BIG_RECEIVED_BYTES], length);
	return 0;
}

struct sockaddr {
	u16 family;
	__be16 port;
	u32 ipv4_or_flow;
	u8 ipv6[16];
};

// read_address reads the address that a task gave to a system call.
static __always_inline bool read_address(const void *user, u32 length, struct endpoint *e)
{
	struct sockaddr address = {};

	if (length < 16 || bpf_probe_read_user(&address, 16, user))
		return false;
	if (address.family == AF_INET)
		map_ipv4(e, address.ipv4_or_flow);
	else if (address.family == AF_INET6 && length >= 24 && !bpf_probe_read_user(&address, 24, user))
		__builtin_memcpy(e->address, address.ipv6, 16);
	else
		return false;
	e->port = bpf_ntohs(address.port);
	return true;
}

static __always_inline bool is_udp(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_UDP && is_ip(sk);
}

// The number of a socket's inode belongs to no other socket, unlike the address in memory.
static __always_inline u64 inode_number(struct task_struct *task, u32 descriptor)
{
	return BPF_CORE_READ(inode_of_descriptor(task, descriptor), i_ino);
}

// A UDP flow starts when a socket sends, or is set to send, to another address than before.
static __always_inline void count_flow(struct actor *a, struct endpoint *e, struct sock *sk, u64 inode)
{
	u64 key = (u64)sk, hash = mix(hash_of(e) ^ e->port ^ inode << 16);
	u64 *last = bpf_map_lookup_elem(&flows, &key);

	if (last && *last == hash)
		return;
	bpf_map_update_elem(&flows, &key, &hash, BPF_ANY);
	if (!is_port(e->port, PORT_DNS))
		add(a, COUNT_UDP_FLOW);
	mark_peer(a, e);
}

// count_unconnected counts a message that names its receiver.
static __always_inline void count_unconnected(struct actor *a, u32 descriptor, struct sock *sk, const void *address,
					      u32 address_length, u64 bytes)
{
	struct endpoint e = {};

	if (!address || !is_udp(sk) || !read_address(address, address_length, &e))
		return;
	count_flow(a, &e, sk, inode_number(a->task, descriptor));
	u16 connected = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));

	if (is_port(e.port, PORT_DNS) && !(connected && is_port(connected, PORT_DNS))) // those are counted in on_send
		count_dns(a, bytes);
}

#endif
