// SPDX-License-Identifier: GPL-2.0
/* A CHILD SA's two directions in the module. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <linux/nfipsec.h>

#include "ike/core.h"

/* the end that began it renews it first, so that both seldom do at once */
#define SOFT_INITIATOR	85
#define SOFT_RESPONDER	92
#define SOFT_JITTER	5

static uint64_t soft_limit(uint64_t hard, bool initiator)
{
	uint8_t r = 0;

	if (!hard)
		return 0;
	crypto_random(&r, sizeof(r));
	/* per mille, so that short lifetimes of tests have their jitter too */
	return hard * ((initiator ? SOFT_INITIATOR : SOFT_RESPONDER) * 10 +
		       r % (SOFT_JITTER * 10)) / 1000;
}

static void identify(const struct ike_child *child, bool in, struct kern_sa *sa)
{
	memset(sa, 0, sizeof(*sa));
	sa->proto = ike_child_proto(child) == PROTO_AH ? IPPROTO_AH : IPPROTO_ESP;
	sa->dir = in ? NFIPSEC_DIR_IN : NFIPSEC_DIR_OUT;
	sa->spi = in ? child->spi_in : child->spi_out;
	sa->local = child->sa->local.addr;
	sa->remote = child->sa->remote.addr;
	memcpy(sa->tunnel, child->name, sizeof(sa->tunnel));
}

int ike_install(struct ike_child *child, bool in, const struct ike_child_keys *keys)
{
	const struct conf_tunnel *conf = child->tun ? child->tun->conf : NULL;
	const struct ike_transform *encr = ike_proposal_get(&child->prop, IKE_TRANSFORM_ENCR);
	const struct ike_transform *integ = ike_proposal_get(&child->prop, IKE_TRANSFORM_INTEG);
	struct ike *ike = child->sa->ike;
	struct kern_sa sa;
	unsigned int i;
	int ret;

	if (!conf || (!encr && !integ))
		return -ENOENT;
	identify(child, in, &sa);
	sa.mode = child->mode;
	sa.encr = encr ? encr->id : 0;
	sa.integ = integ ? integ->id : INTEG_NONE;
	sa.encr_key = (struct bytes){ keys->encr, keys->encr_len };
	sa.integ_key = (struct bytes){ keys->integ, keys->integ_len };
	sa.esn = child->esn;
	if (child->sa->natt) {
		sa.encap_local = child->sa->local.port;
		sa.encap_remote = child->sa->remote.port;
	}
	if (in)
		sa.replay_window = conf->replay_window;
	sa.n_sels = child->n_sels;
	for (i = 0; i < child->n_sels; i++) {
		sa.sels[i].src = in ? child->sels[i].dst : child->sels[i].src;
		sa.sels[i].dst = in ? child->sels[i].src : child->sels[i].dst;
	}
	sa.hard_seconds = conf->lifetime_seconds;
	sa.hard_bytes = conf->lifetime_bytes;
	sa.soft_seconds = soft_limit(sa.hard_seconds, child->initiator);
	sa.soft_bytes = soft_limit(sa.hard_bytes, child->initiator);
	/* before a packet can leave by it */
	if (!in && conf->tfc)
		ike->ops->tfc(child->name, !child->no_tfc, ike->user);
	ret = ike->ops->sa_add(&sa, ike->user);
	if (!ret && in)
		child->in_installed = true;
	else if (!ret)
		child->out_installed = true;
	return ret;
}

static void move_one(const struct ike_child *child, bool in, const struct kern_ends *to)
{
	struct kern_sa sa;

	identify(child, in, &sa);
	child->sa->ike->ops->sa_move(&sa, to, child->sa->ike->user);
}

void ike_move(struct ike_child *child, const struct endpoint *local, const struct endpoint *remote)
{
	const struct kern_ends to = { .local = local->addr, .remote = remote->addr,
				      .local_port = local->port, .remote_port = remote->port };

	if (child->in_installed)
		move_one(child, true, &to);
	if (child->out_installed)
		move_one(child, false, &to);
}

void ike_uninstall_in(struct ike_child *child)
{
	struct kern_sa sa;

	if (!child->in_installed)
		return;
	child->in_installed = false;
	identify(child, true, &sa);
	child->sa->ike->ops->sa_del(&sa, child->sa->ike->user);
}

void ike_uninstall_out(struct ike_child *child)
{
	struct kern_sa sa;

	if (!child->out_installed)
		return;
	child->out_installed = false;
	identify(child, false, &sa);
	child->sa->ike->ops->sa_del(&sa, child->sa->ike->user);
}

bool ike_child_counters(const struct ike_child *child, bool in, struct kern_sa *out)
{
	if (in ? !child->in_installed : !child->out_installed)
		return false;
	identify(child, in, out);
	return !child->sa->ike->ops->sa_get(out, child->sa->ike->user);
}
