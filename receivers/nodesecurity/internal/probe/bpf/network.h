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

// A connection starts in the context of the task that makes it, after the address is set; it may end in an interrupt.
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_sock_state, struct sock *sk, int old, int new)
{
	u64 key = (u64)sk;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (new == TCP_CLOSE) {
		u64 *owner = bpf_map_lookup_elem(&sockets, &key);

		if (owner && old == TCP_SYN_SENT)
			count_for_cgroup(*owner, COUNT_CONNECT_FAILED);
		if (owner)
			bpf_map_delete_elem(&sockets, &key);
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

	bpf_map_update_elem(&sockets, &key, &a.cgroup, BPF_ANY);
	peer_of(sk, &e);
	count_connect(&a, &e);
	return 0;
}

static __always_inline void count_for_owner(struct sock *sk, u32 what)
{
	u64 key = (u64)sk;
	u64 *owner = sk ? bpf_map_lookup_elem(&sockets, &key) : NULL;

	if (owner)
		count_for_cgroup(*owner, what);
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

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int length, int flags)
{
	u16 family = sk->__sk_common.skc_family;
	struct actor a;

	if (length < 0 || flags & 2 /* MSG_PEEK */ || family != AF_INET && family != AF_INET6 || !find_actor(&a))
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

// A UDP flow starts when a socket sends, or is set to send, to another address than before.
static __always_inline void count_flow(struct actor *a, struct endpoint *e, u64 sk)
{
	u64 hash = hash_of(e) ^ e->port;
	u64 *last = bpf_map_lookup_elem(&flows, &sk);

	if (last && *last == hash)
		return;
	bpf_map_update_elem(&flows, &sk, &hash, BPF_ANY);
	if (!is_port(e->port, PORT_DNS))
		add(a, COUNT_UDP_FLOW);
	mark_peer(a, e);
}

// count_unconnected counts a message that names its receiver.
static __always_inline void count_unconnected(struct actor *a, struct sock *sk, const void *address, u32 address_length,
					      u64 bytes, u32 messages)
{
	struct endpoint e = {};

	if (!address || !is_udp(sk) || !read_address(address, address_length, &e))
		return;
	count_flow(a, &e, (u64)sk);
	if (BPF_CORE_READ(sk, __sk_common.skc_dport) || !is_port(e.port, PORT_DNS))
		return; // connected sockets are counted in on_send
	for (u32 i = 0; i < 8 && i < messages; i++)
		count_dns(a, bytes);
}

#endif
