/* SPDX-License-Identifier: GPL-2.0 */
/* The kinds of wrong packets, each a stream of frames. */
#ifndef NFIPSEC_TOOLS_MUTATE_H
#define NFIPSEC_TOOLS_MUTATE_H

#include <linux/nfipsec.h>

#include "wire.h"

#define UNSURE -1

struct stream {
	struct sa sa;
	struct rng rng;
	struct frame frame;
	unsigned long long sent;
	/* of those sent: fragments that no datagram was made of, or that it was made of beside the
	 * first (IPv4 counts them too); and what the stack drops without counting */
	unsigned long long absorbed, silent;
	/* what must be in a counter in the end, or UNSURE */
	long long expect[NFIPSEC_STAT_MAX + 1];
	void (*emit)(struct stream *s, const struct frame *f);
};

struct kind {
	const char *name;
	/* makes and emits at least one frame; @i counts the calls */
	void (*make)(struct stream *s, unsigned long long i);
	/* counters whose value the kind knows, NFIPSEC_STAT_UNSPEC ends them */
	unsigned int exact[5];
};

const struct kind *kind_find(const char *name);

#endif
