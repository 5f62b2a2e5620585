// SPDX-License-Identifier: GPL-2.0
/*
 * The replay window against one that simply keeps every number it took: RFC 4303 3.4.3
 * and appendix A2. Numbers are random, but close to the ends of the window, of its words
 * and of 2^32, where mistakes are made.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": test: " fmt
#include <linux/bottom_half.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "sa.h"
#include "tests.h"

#define STEPS 1000

/*
 * @taken has @n numbers in no order; @top is the highest. All numbers up to @old are taken as
 * well.
 */
struct naive {
	u64		top, old;
	u32		window;
	unsigned int	n;
	u64		taken[STEPS + 1];
};

static enum nfipsec_replay_result naive_look(const struct naive *m, u64 seq)
{
	unsigned int i;

	if (seq == 0)
		return NFIPSEC_REPLAY_LATE;
	if (seq + m->window <= m->top)
		return NFIPSEC_REPLAY_LATE;
	if (seq <= m->old)
		return NFIPSEC_REPLAY_SEEN;
	for (i = 0; i < m->n; i++)
		if (m->taken[i] == seq)
			return NFIPSEC_REPLAY_SEEN;
	return NFIPSEC_REPLAY_OK;
}

static enum nfipsec_replay_result naive_take(struct naive *m, u64 seq)
{
	enum nfipsec_replay_result result = naive_look(m, seq);

	if (result == NFIPSEC_REPLAY_OK) {
		m->taken[m->n++] = seq;
		m->top = max(m->top, seq);
	}
	return result;
}

/*
 * Of all numbers that end in these 32 bits, the first that is not left of the window.
 * The first half has no number before it.
 */
static u64 naive_expand(const struct naive *m, u32 low)
{
	u64 left = m->top >= m->window ? m->top - m->window + 1 : 0, seq = low;

	while (seq < left)
		seq += 1ull << 32;
	return seq;
}

/* around the top, the left edge, or a number that was taken */
static u64 number(struct rnd_state *rnd, const struct naive *m)
{
	u32 r = prandom_u32_state(rnd), small = (r >> 8) % 5;
	u64 seq;

	switch (r % 8) {
	case 0:
		seq = m->top - m->window + small - 2;
		break;
	case 1:
		seq = m->taken[(r >> 8) % m->n];
		break;
	case 2:		/* ahead: within the window, a word, and beyond it all */
		seq = m->top + 1 + (r >> 8) % (3 * m->window);
		break;
	case 3:
		seq = m->top + BITS_PER_LONG + small - 2;
		break;
	case 4:
	case 5:
		seq = m->top - (r >> 8) % m->window;
		break;
	default:
		seq = m->top + 1 + small;
	}
	/* before the first number there is none */
	return (s64)seq < 0 ? small : seq;
}

static bool step(struct nfipsec_replay *r, struct naive *m, u64 seq, bool esn)
{
	enum nfipsec_replay_result quick, naive = naive_look(m, seq);
	u64 expanded;

	if (esn) {
		expanded = nfipsec_replay_expand(r, lower_32_bits(seq), true);
		if (!nfipsec_expect(expanded == naive_expand(m, lower_32_bits(seq)),
				    "window %u, top %llu, %llu: expanded to %llu", m->window,
				    m->top, seq, expanded))
			return false;
	} else if (!nfipsec_expect(nfipsec_replay_expand(r, lower_32_bits(seq), false) ==
				   lower_32_bits(seq), "%llu", seq)) {
		return false;
	}
	quick = nfipsec_replay_check(r, seq);
	if (!nfipsec_expect(quick == naive, "window %u, top %llu, %llu: checked %d, expected %d",
			    m->window, m->top, seq, quick, naive))
		return false;
	quick = nfipsec_replay_advance(r, seq);
	return nfipsec_expect(quick == naive_take(m, seq),
			      "window %u, top %llu, %llu: advanced %d, expected %d", m->window,
			      m->top, seq, quick, naive);
}

/* a walk of random numbers from @start on; @old: what came up to there is seen, not only @start */
static bool walk(struct rnd_state *rnd, struct naive *m, u32 window, u64 start, bool esn, bool old)
{
	struct nfipsec_replay r;
	unsigned int i;
	bool ok;

	if (!nfipsec_expect(!nfipsec_replay_init(&r, window, GFP_KERNEL), "no memory"))
		return false;
	m->top = m->old = 0;
	m->window = window;
	m->n = 0;
	if (old) {
		nfipsec_replay_resume(&r, start);
		m->top = m->old = m->taken[m->n++] = start;
	}
	local_bh_disable();
	ok = step(&r, m, start, esn);
	/* nothing was taken when the first is 0, and the walk wants something to return to */
	if (ok && !m->n)
		ok = step(&r, m, 1, esn);
	for (i = 0; i < STEPS - 1 && ok; i++)
		ok = step(&r, m, number(rnd, m), esn);
	local_bh_enable();
	nfipsec_replay_free(&r);
	return ok;
}

/*
 * RFC 4303 A2.2 by hand: T is the highest number, W the window. Case A: the window is in
 * one half of the number space; case B: it reaches back into the half before.
 */
static const struct {
	u64	top;
	u32	window;
	u32	low;
	u64	seq;
} halves[] = {
	/* A: Tl = 0x1000, the window 0xfe1..0x1000 */
	{ 0x500001000ull, 32, 0x0fe1, 0x500000fe1ull },		/* its left edge */
	{ 0x500001000ull, 32, 0x0fe0, 0x600000fe0ull },		/* left of it: the next half */
	{ 0x500001000ull, 32, 0x1001, 0x500001001ull },
	{ 0x500001000ull, 32, 0xffffffff, 0x5ffffffffull },
	{ 0x500001000ull, 32, 0, 0x600000000ull },
	/* Tl = W - 1: it just does not reach back */
	{ 0x50000001full, 32, 0, 0x500000000ull },
	{ 0x50000001full, 32, 0xffffffff, 0x5ffffffffull },
	/* B: Tl = 4, the window 0xffffffe5 of the half before to 4 */
	{ 0x500000004ull, 32, 0xffffffe5, 0x4ffffffe5ull },
	{ 0x500000004ull, 32, 0xffffffe4, 0x5ffffffe4ull },
	{ 0x500000004ull, 32, 0, 0x500000000ull },
	{ 0x500000004ull, 32, 5, 0x500000005ull },
	/* the first half has none before it */
	{ 4, 32, 0xffffffe5, 0xffffffe5 },
	{ 4, 4096, 0xffffffff, 0xffffffff },
};

static bool appendix_a(void)
{
	struct nfipsec_replay r;
	unsigned int i;
	bool ok = true;
	u64 seq;

	for (i = 0; i < ARRAY_SIZE(halves) && ok; i++) {
		if (!nfipsec_expect(!nfipsec_replay_init(&r, halves[i].window, GFP_KERNEL),
				    "no memory"))
			return false;
		local_bh_disable();
		nfipsec_replay_advance(&r, halves[i].top);
		local_bh_enable();
		seq = nfipsec_replay_expand(&r, halves[i].low, true);
		ok = nfipsec_expect(seq == halves[i].seq, "row %u: %llx", i, seq);
		nfipsec_replay_free(&r);
	}
	return ok;
}

/*
 * Sequence numbers from several CPUs at once, of a counter that has @LEFT of them left: to
 * each number that is taken there is a refusal of more than are left. RFC 4303 3.3.3: none
 * is used twice, and the counter says at any time how many there were.
 */
#define LEFT 60000u
#define TAKERS 4
#define ROUNDS 8

struct takers {
	struct nfipsec_sa	sa;
	atomic_t		running, started;
	atomic_t		twice, beyond, taken;
	DECLARE_BITMAP(given, LEFT);
};

static int taker(void *arg)
{
	struct takers *t = arg;
	const u64 limit = nfipsec_seq_limit(&t->sa);
	unsigned int i = 0;
	u64 first;

	/* all at once, or the first is done before the second begins */
	atomic_dec(&t->started);
	while (atomic_read(&t->started) > 0)
		cond_resched();
	do {
		if (!nfipsec_seq_take(&t->sa, LEFT + 1, &first))
			atomic_inc(&t->beyond);
		if (atomic64_read(&t->sa.seq) > limit)
			atomic_inc(&t->beyond);
		if (!(++i % 1024))
			cond_resched();
		if (nfipsec_seq_take(&t->sa, 1, &first))
			continue;
		atomic_inc(&t->taken);
		if (first > limit || test_and_set_bit(limit - first, t->given))
			atomic_inc(&t->twice);
	} while (atomic64_read(&t->sa.seq) < limit);
	atomic_dec(&t->running);
	return 0;
}

static bool never_twice(void)
{
	struct takers *t = kvzalloc(sizeof(*t), GFP_KERNEL);
	struct task_struct *task;
	unsigned int i;
	bool ok;

	/* with one CPU nothing overlaps but by chance; with more, most rounds have such a moment */
	if (!nfipsec_expect(t, "no memory"))
		return false;
	atomic64_set(&t->sa.seq, nfipsec_seq_limit(&t->sa) - LEFT);
	atomic_set(&t->started, TAKERS);
	for (i = 0; i < TAKERS; i++) {
		atomic_inc(&t->running);
		task = kthread_run(taker, t, "nfipsec-test/%u", i);
		if (IS_ERR(task)) {
			atomic_dec(&t->running);
			atomic_dec(&t->started);
		}
	}
	while (atomic_read(&t->running))
		schedule_timeout_uninterruptible(1);
	ok = nfipsec_expect(!atomic_read(&t->twice) && !atomic_read(&t->beyond) &&
			    atomic_read(&t->taken) == LEFT,
			    "%d numbers twice, %d looks beyond the limit, %d of %u taken",
			    atomic_read(&t->twice), atomic_read(&t->beyond),
			    atomic_read(&t->taken), LEFT);
	kvfree(t);
	return ok;
}

bool nfipsec_test_replay(void)
{
	/* the least and the most, and about the ends of words */
	static const u32 windows[] = { 32, 33, 63, 64, 65, 127, 128, 1000, 1024, 4032, 4033, 4096 };
	static const u64 starts[] = { 1, 5000, (1ull << 32) - 40, (1ull << 32) + 3, 7ull << 32 };
	struct naive *m = kvmalloc(sizeof(*m), GFP_KERNEL);
	struct rnd_state rnd;
	unsigned int i, j;
	bool ok = nfipsec_expect(m, "no memory");

	prandom_seed_state(&rnd, 4303);	/* the same each time: a failure can be looked into */
	ok = ok && appendix_a();
	for (i = 0; i < ROUNDS && ok; i++)
		ok = never_twice();
	for (i = 0; i < ARRAY_SIZE(windows) && ok; i++) {
		ok = walk(&rnd, m, windows[i], 1, false, false) &&
		     walk(&rnd, m, windows[i], 70000, false, true);
		cond_resched();
		for (j = 0; j < ARRAY_SIZE(starts) && ok; j++) {
			ok = walk(&rnd, m, windows[i], starts[j], true, false) &&
			     walk(&rnd, m, windows[i], starts[j], true, true);
			cond_resched();
		}
	}
	kvfree(m);
	return ok;
}
