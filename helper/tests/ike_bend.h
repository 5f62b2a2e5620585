/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A message of the world opened with the keys that a core has, changed, and
 * sealed again: the peer that holds the keys and does what it must not.
 */
#ifndef TESTS_IKE_BEND_H
#define TESTS_IKE_BEND_H

#include "ike_world.h"
#include "wire/wire.h"

struct ike_sa;

#define BEND_MAX	(WIRE_PAYLOADS_MAX + 2)

struct bend_pld {
	uint8_t type;
	uint8_t flags;		/* the octet with the critical bit and the reserved ones */
	struct buf body;
};

/**
 * struct bend - a message, all of it open to change
 * @hdr: as it is to be sent, but for its length
 * @sealed: the payloads go inside SK
 */
struct bend {
	struct wire_hdr hdr;
	bool sealed;
	unsigned int n;
	struct bend_pld pld[BEND_MAX];
};

/* false: no message, or none of the cores has its keys */
bool bend_open(struct world *w, const struct packet *p, struct bend *m);
void bend_free(struct bend *m);
/* false: none of the cores has its keys, or it is too long; @out's data is the caller's */
bool bend_seal(struct world *w, const struct bend *m, uint8_t **data, size_t *len);
/* seals it and sends it the way @like went, then frees it */
void bend_send(struct world *w, struct bend *m, const struct packet *like);

struct bend_pld *bend_find(struct bend *m, uint8_t type);
struct bend_pld *bend_find_notify(struct bend *m, uint16_t type);
void bend_remove(struct bend *m, struct bend_pld *pld);
/* in front of the one that is number @at */
void bend_insert(struct bend *m, unsigned int at, uint8_t type, bool critical, struct bytes body);
void bend_notify(struct bend *m, uint8_t proto, struct bytes spi, uint16_t type, struct bytes data);
void bend_delete(struct bend *m, uint8_t proto, const uint32_t *spis, unsigned int n);

/* the established IKE SA of a node; fails the test when there is not exactly one */
struct ike_sa *bend_sa(struct node *n);
/* a request or an answer that the core of @from did not make, on its SA, with its next message ID */
void bend_new(struct node *from, struct bend *m, uint8_t exchange, bool response);
void bend_send_from(struct node *from, struct bend *m);
/* the newest message that @n sent, opened; fails the test when that cannot be */
void bend_last(struct node *n, struct bend *m);
/* the first notification in it, 0: none */
uint16_t bend_notify_type(const struct bend *m);

#endif
