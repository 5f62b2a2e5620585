// SPDX-License-Identifier: GPL-2.0
/* Fragments to a message: RFC 7383 2.6. Who calls has seen that they are the peer's. */
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "v2/reassembly.h"

struct v2_part {
	uint8_t *p;		/* NULL: it has not come */
	size_t len;
};

/**
 * v2_reassembly_init - nothing is here yet
 * @r: the reassembly
 */
void v2_reassembly_init(struct v2_reassembly *r)
{
	memset(r, 0, sizeof(*r));
}

/**
 * v2_reassembly_free - drops what has come
 * @r: ready for another message
 */
void v2_reassembly_free(struct v2_reassembly *r)
{
	unsigned int i;

	for (i = 0; i < r->total; i++) {
		if (!r->parts[i].p)
			continue;
		crypto_wipe(r->parts[i].p, r->parts[i].len);
		free(r->parts[i].p);
	}
	free(r->parts);
	v2_reassembly_init(r);
}

static bool same_message(const struct v2_reassembly *r, const struct v2_fragment *f)
{
	return r->total && r->msgid == f->msgid;
}

/**
 * v2_reassembly_wants - is a fragment worth being opened?
 * @r: what is here
 * @f: what the headers say; nobody vouches for it yet
 *
 * RFC 7383 2.6: what is here already is a replay. The message fragmented again has
 * more, smaller fragments than before; those of an earlier cut come too late.
 */
bool v2_reassembly_wants(const struct v2_reassembly *r, const struct v2_fragment *f)
{
	if (!f->number || f->number > f->total || f->total > V2_FRAGMENTS_MAX)
		return false;
	if (!same_message(r, f))
		return true;
	/* two messages have one ID: the peer is at odds with itself, and began with the other */
	if (r->exchange != f->exchange || f->total < r->total)
		return false;
	return f->total > r->total || !r->parts[f->number - 1].p;
}

static bool begin(struct v2_reassembly *r, const struct v2_fragment *f)
{
	v2_reassembly_free(r);
	r->parts = calloc(f->total, sizeof(*r->parts));
	if (!r->parts)
		return false;
	r->msgid = f->msgid;
	r->exchange = f->exchange;
	r->total = f->total;
	r->held = f->total * sizeof(*r->parts);
	return true;
}

static bool keep(struct v2_reassembly *r, const struct v2_fragment *f)
{
	struct v2_part *part = &r->parts[f->number - 1];

	part->p = malloc(f->clear.len ? f->clear.len : 1);
	if (!part->p)
		return false;
	if (f->clear.len)
		memcpy(part->p, f->clear.p, f->clear.len);
	part->len = f->clear.len;
	if (f->number == 1)
		r->first = f->first;
	r->have++;
	r->clear += f->clear.len;
	r->held += f->clear.len + V2_FRAGMENT_COST;
	r->octets += f->octets;
	if (f->octets > r->longest)
		r->longest = f->octets;
	return true;
}

/**
 * v2_reassembly_add - one more fragment, which is the peer's
 * @r: what is here
 * @f: the fragment; copied
 * @limit: octets of memory that the message may have
 *
 * A message that becomes too large is dropped whole: with a part refused it
 * would never be complete.
 */
enum v2_reassembled v2_reassembly_add(struct v2_reassembly *r, const struct v2_fragment *f,
				      size_t limit)
{
	if (!v2_reassembly_wants(r, f))
		return V2_FRAGMENT_REFUSED;
	if ((!same_message(r, f) || f->total > r->total) && !begin(r, f))
		return V2_FRAGMENT_REFUSED;
	if (r->held + f->clear.len + V2_FRAGMENT_COST > limit ||
	    r->clear + f->clear.len > WIRE_MSG_MAX || !keep(r, f)) {
		v2_reassembly_free(r);
		return V2_FRAGMENT_REFUSED;
	}
	return r->have == r->total ? V2_MESSAGE_WHOLE : V2_FRAGMENT_KEPT;
}

/**
 * v2_reassembly_join - the inside of the message
 * @r: is whole
 * @out: gets it appended
 */
bool v2_reassembly_join(const struct v2_reassembly *r, struct buf *out)
{
	unsigned int i;

	for (i = 0; i < r->total; i++)
		buf_put(out, r->parts[i].p, r->parts[i].len);
	return !out->failed;
}
