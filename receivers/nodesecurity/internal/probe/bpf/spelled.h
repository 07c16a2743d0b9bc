// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// Classes of paths as a task spelled them.
#ifndef NODESEC_SPELLED_H
#define NODESEC_SPELLED_H

#define AT_FDCWD -100

// A path that is read byte by byte.
struct spelled {
	struct walk walk;
	struct name name; // the component so far
	struct name last; // the component before
	u64 directory;	  // classes by the name of the directory that last is in
	u64 more;	  // classes by another name of the directory that the path starts at
	u32 length;	  // of the component
	u32 unused;
};

static __always_inline void clear_name(struct name *n) { __builtin_memset(n, 0, sizeof(*n)); }

// spell takes the next byte. It is a function of its own so that the verifier looks at it once, not at all paths.
__noinline int spell(struct spelled *p, u8 c)
{
	if (!p)
		return 0;
	u32 at = p->length;

	if (c && c != '/') {
		if (at < NAME - 1)
			p->name.text[at] = c;
		else
			clear_name(&p->name); // no name in the tables is so long
		p->length = at + 1;
		return 0;
	}
	p->length = 0;
	if (at == 0)
		return 0;
	if (at == 1 && p->name.text[0] == '.') {
		clear_name(&p->name);
		return 0;
	}
	struct path_key key = {};
	struct name last = p->last;

	__builtin_memcpy(key.name, p->name.text, NAME);
	step_into(&p->walk, &key);
	u64 *in = bpf_map_lookup_elem(&directories, &last);

	p->directory = (in ? *in : 0) | p->more;
	p->more = 0;
	p->last = p->name;
	clear_name(&p->name);
	return 0;
}

// start_spelling goes to where a relative path starts.
static __always_inline bool start_spelling(struct spelled *p, int dir)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct path base = {};
	struct read_name n;

	if (dir == AT_FDCWD)
		BPF_CORE_READ_INTO(&base, task, fs, pwd);
	else
		BPF_CORE_READ_INTO(&base, file_of(task, dir), f_path);
	if (!base.dentry)
		return false;
	walk_path(&base, &p->walk); // leaves the string alone
	p->walk.bits |= p->walk.outside;
	read_name(&n, BPF_CORE_READ(base.dentry, d_name.name));
	__builtin_memcpy(p->last.text, n.key.name, NAME);
	if (p->walk.crossed)
		p->more = bits_of_last(&directories, &p->walk, 0);
	return true;
}

// Of a path that is longer, only so much at its ends is looked at: more than the patterns have, and more than two names.
#define HEAD 384
#define TAIL 64

// spell_tail goes on at the first component that begins among the last bytes of the path.
static __always_inline void spell_tail(struct spelled *p, struct scratch *s, u32 end)
{
	bool begun = false;

	p->walk.lost = true;
	p->length = 0;
	p->more = 0;
	clear_name(&p->name);
	clear_name(&p->last);
	p->directory = 0;
	for (u32 i = 0; i < TAIL; i++) {
		u8 c = s->string[end - TAIL + i & (STRING - 1)];

		if (begun)
			spell(p, c);
		else
			begun = c == '/';
	}
	spell(p, 0);
}

// bits_of_string classifies a path that a task gave to a system call, as it is spelled: links in it are not resolved, and
// neither is "..". dir is the descriptor that a relative path starts at.
__noinline u64 bits_of_string(u64 user_path, int dir)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!s)
		return 0;
	long length = bpf_probe_read_user_str(s->string, STRING, (void *)user_path);

	if (length <= 1)
		return 0;
	struct spelled p = {};

	start_walk(&p.walk);
	if (s->string[0] != '/' && !start_spelling(&p, dir))
		return 0;
	for (int i = 0; i < HEAD; i++) {
		u8 c = s->string[i];

		spell(&p, c);
		if (!c)
			break;
	}
	if (length > HEAD)
		spell_tail(&p, s, length - 1);
	struct name leaf = p.last;
	u64 *named = bpf_map_lookup_elem(&leaves, &leaf);

	return p.walk.bits | p.directory | (named ? *named : 0);
}

#endif
