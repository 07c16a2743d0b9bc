// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// System calls on sockets.
#ifndef NODESEC_SOCKETS_H
#define NODESEC_SOCKETS_H

HANDLER(do_socket)
{
	struct actor a;
	u32 family = argument(regs, 0), type = argument(regs, 1) & 0xf;

	if (result < 0 || !find_actor(&a))
		return 0;
	if (family == AF_PACKET)
		add(&a, COUNT_PACKET_SOCKET);
	else if (type == SOCK_RAW && (family == AF_INET || family == AF_INET6))
		add(&a, COUNT_RAW_SOCKET);
	return 0;
}

// The peer of a UNIX socket has the path that it was bound to, however it was reached.
static __always_inline void count_unix(struct actor *a, struct sock *sk)
{
	struct unix_sock *own = (struct unix_sock *)sk;
	struct unix_sock *peer = (struct unix_sock *)BPF_CORE_READ(own, peer);
	struct path path = {};

	if (!peer)
		return;
	BPF_CORE_READ_INTO(&path, peer, path);
	if (!path.dentry)
		return;
	struct walk w;

	if (bits_of_path(&path, &w) & 1ULL << PATH_RUNTIME_SOCKET)
		add(a, COUNT_CONNECT_RUNTIME_SOCKET);
}

// never_started says that there may be no way to the address, or that going there is denied. EINVAL is a black hole.
static __always_inline bool never_started(long result)
{
	return result == -ENETUNREACH || result == -EHOSTUNREACH || result == -EADDRNOTAVAIL || result == -EPERM ||
	       result == -EACCES || result == -EINVAL;
}

// has_failed says that a connection that did start has failed, which on_sock_state counted, and forgets it.
static __always_inline bool has_failed(struct sock *sk)
{
	u64 key = (u64)sk;
	struct owner *owner = bpf_map_lookup_elem(&sockets, &key);
	bool failed = owner && owner->failed;

	if (failed)
		owner->failed = 0;
	return failed;
}

// TCP connections are counted in on_sock_state, but for those that fail before they start.
HANDLER(do_connect)
{
	struct actor a;

	if (!find_actor(&a))
		return 0;
	struct sock *sk = sock_of(a.task, argument(regs, 0));

	if (!sk)
		return 0;
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == AF_UNIX) {
		if (result == 0)
			count_unix(&a, sk);
		return 0;
	}
	if (family != AF_INET && family != AF_INET6)
		return 0;
	// Not UDP: resolvers connect such sockets to all addresses of a name, only to learn which are reachable.
	if (BPF_CORE_READ(sk, sk_type) == SOCK_STREAM) {
		if (is_error(result) && result != -EINPROGRESS && result != -EALREADY && !has_failed(sk) && never_started(result))
			add(&a, COUNT_CONNECT_FAILED);
		return 0;
	}
	struct endpoint e = {};

	// Nothing can be sent to port 0: see above.
	if (result == 0 && is_udp(sk) && read_address((void *)argument(regs, 1), argument(regs, 2), &e) && e.port)
		count_flow(&a, &e, sk, inode_number(a.task, argument(regs, 0)));
	return 0;
}

HANDLER(do_accept)
{
	struct actor a;

	if (result < 0 || !find_actor(&a))
		return 0;
	struct sock *sk = sock_of(a.task, result);

	if (!sk || !is_ip(sk))
		return 0;
	add(&a, COUNT_ACCEPT);
	own_socket(&a, sk);
	return 0;
}

HANDLER(do_sendto)
{
	struct actor a;

	if (result < 0 || !argument(regs, 4) || !find_actor(&a))
		return 0;
	struct sock *sk = sock_of(a.task, argument(regs, 0));

	if (sk)
		count_unconnected(&a, argument(regs, 0), sk, (void *)argument(regs, 4), argument(regs, 5), result);
	return 0;
}

// struct user_msghdr (include/linux/socket.h) starts with these.
struct message {
	void *name;
	u32 name_length;
};

HANDLER(do_sendmsg)
{
	struct actor a;
	struct message m = {};

	if (result < 0 || bpf_probe_read_user(&m, sizeof(m), (void *)argument(regs, 1)) || !m.name || !find_actor(&a))
		return 0;
	struct sock *sk = sock_of(a.task, argument(regs, 0));

	if (sk)
		count_unconnected(&a, argument(regs, 0), sk, m.name, m.name_length, result);
	return 0;
}

// struct mmsghdr: a user_msghdr, then how much of it was sent.
struct many_message {
	struct message message;
	u8 rest[40];
	u32 sent;
	u32 unused;
};

#define MAX_MESSAGES 16 // resolvers send two

HANDLER(do_sendmmsg)
{
	struct actor a;
	u64 at = argument(regs, 1);

	if (result <= 0 || !find_actor(&a))
		return 0;
	struct sock *sk = sock_of(a.task, argument(regs, 0));

	if (!sk)
		return 0;
	for (u32 i = 0; i < MAX_MESSAGES && i < result; i++) {
		struct many_message m = {};

		if (bpf_probe_read_user(&m, sizeof(m), (void *)(at + i * sizeof(m))))
			break;
		count_unconnected(&a, argument(regs, 0), sk, m.message.name, m.message.name_length, m.sent);
	}
	return 0;
}

#define STDERR 2

HANDLER(do_dup)
{
	struct actor a;

	if (result < 0 || result > STDERR || !find_actor(&a))
		return 0;
	struct sock *sk = sock_of(a.task, result);

	if (sk && is_ip(sk))
		add(&a, COUNT_STDIO_SOCKET);
	return 0;
}

#endif
