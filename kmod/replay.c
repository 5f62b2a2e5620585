// SPDX-License-Identifier: GPL-2.0
/*
 * Sequence numbers: RFC 4303 3.4.3 and appendix A2.
 *
 * The window is a ring of bits, one for each of the last @window numbers. It has
 * a word more than that, so that the words between the old top and the new one
 * can be cleared whole as the window moves.
 */
#include <linux/slab.h>

#include "sa.h"

/**
 * nfipsec_replay_init - an empty window
 * @r: the window
 * @window: packets, NFIPSEC_WINDOW_MIN to NFIPSEC_WINDOW_MAX
 * @gfp: how to allocate
 *
 * Return: 0 or -ENOMEM.
 */
int nfipsec_replay_init(struct nfipsec_replay *r, u32 window, gfp_t gfp)
{
	spin_lock_init(&r->lock);
	r->top = 0;
	r->window = window;
	r->words = roundup_pow_of_two(BITS_TO_LONGS(window) + 1);
	r->bits = kcalloc(r->words, sizeof(*r->bits), gfp);
	return r->bits ? 0 : -ENOMEM;
}

void nfipsec_replay_free(struct nfipsec_replay *r)
{
	kfree(r->bits);
}

/**
 * nfipsec_replay_resume - go on where a window that is gone had been
 * @r: an empty window, not yet in use
 * @top: the highest number that it had taken
 *
 * Which of those before had come nobody knows, so all count as seen.
 */
void nfipsec_replay_resume(struct nfipsec_replay *r, u64 top)
{
	memset(r->bits, 0xff, r->words * sizeof(*r->bits));
	r->bits[top / BITS_PER_LONG & (r->words - 1)] = GENMASK(top % BITS_PER_LONG, 0);
	r->top = top;
}

/**
 * nfipsec_replay_expand - the 64-bit number that a packet's 32 bits stand for
 * @r: the window
 * @low: from the packet
 * @esn: the SA has extended sequence numbers
 *
 * RFC 4303 A2.2: the number nearest to the window. Without the lock: the ICV
 * decides whether the guess was right.
 *
 * Return: the 64-bit number; @low itself without @esn.
 */
u64 nfipsec_replay_expand(const struct nfipsec_replay *r, u32 low, bool esn)
{
	u64 top = READ_ONCE(r->top);
	u32 top_low = lower_32_bits(top), high = upper_32_bits(top);
	u32 left = top_low - r->window + 1;

	if (!esn)
		return low;
	if (top_low >= r->window - 1) {		/* case A: the window is within one half */
		if (low < left)
			high++;
	} else {				/* case B: it begins in the half before */
		if (low >= left && high)
			high--;
	}
	return (u64)high << 32 | low;
}

/* with the lock, or without */
static enum nfipsec_replay_result look_up_seq(const struct nfipsec_replay *r, u64 seq)
{
	u32 at = seq & (r->words * BITS_PER_LONG - 1);
	u64 top = READ_ONCE(r->top);

	/* RFC 4303 2.2: the first packet sent has 1, so 0 never comes */
	if (!seq)
		return NFIPSEC_REPLAY_LATE;
	if (seq > top)
		return NFIPSEC_REPLAY_OK;
	if (top - seq >= r->window)
		return NFIPSEC_REPLAY_LATE;
	/* pairs with advance_window(): a stale bit of the last window drops a genuine packet */
	smp_rmb();
	return test_bit(at, r->bits) ? NFIPSEC_REPLAY_SEEN : NFIPSEC_REPLAY_OK;
}

/* Cheap refusal before decryption; without the lock it may pass what advance refuses. */
enum nfipsec_replay_result nfipsec_replay_check(struct nfipsec_replay *r, u64 seq)
{
	return look_up_seq(r, seq);
}

/* clears the words that the window enters */
static void advance_window(struct nfipsec_replay *r, u64 seq)
{
	u64 from = r->top / BITS_PER_LONG, to = seq / BITS_PER_LONG, n;

	lockdep_assert_held(&r->lock);
	n = min_t(u64, to - from, r->words);
	while (n--) {
		from++;
		r->bits[from & (r->words - 1)] = 0;
	}
	/* pairs with look_up_seq(): who sees the new top finds its words clear */
	smp_wmb();
	WRITE_ONCE(r->top, seq);
}

/**
 * nfipsec_replay_advance - take a number as seen
 * @r: the window
 * @seq: of a packet whose ICV was right, and of no other (RFC 4303 3.4.3)
 *
 * Bottom halves off. Checks again: two copies may have been decrypted at once.
 *
 * Return: NFIPSEC_REPLAY_OK, or why the number is not new any more.
 */
enum nfipsec_replay_result nfipsec_replay_advance(struct nfipsec_replay *r, u64 seq)
{
	enum nfipsec_replay_result result;

	spin_lock(&r->lock);
	result = look_up_seq(r, seq);
	if (result == NFIPSEC_REPLAY_OK) {
		if (seq > r->top)
			advance_window(r, seq);
		__set_bit(seq & (r->words * BITS_PER_LONG - 1), r->bits);
	}
	spin_unlock(&r->lock);
	return result;
}

/**
 * nfipsec_seq_take - sequence numbers for a batch
 * @sa: outbound SA
 * @n: how many
 * @first: the first of them
 *
 * RFC 4303 3.3.3: the counter never cycles.
 *
 * Return: 0; -EOVERFLOW when fewer than @n numbers are left.
 */
int nfipsec_seq_take(struct nfipsec_sa *sa, unsigned int n, u64 *first)
{
	s64 last = atomic64_read(&sa->seq);

	/*
	 * A refusal must leave no trace: to add and to subtract again would make others, who came
	 * in between and subtract as well, count below what has been given away.
	 */
	do {
		if (unlikely(nfipsec_seq_limit(sa) - last < n))
			return -EOVERFLOW;
	} while (!atomic64_try_cmpxchg(&sa->seq, &last, last + n));
	*first = last + 1;
	return 0;
}
