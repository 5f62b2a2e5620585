// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: the peers that share a block with `remote address any`, or ranges alone, and an id that is a
 * pattern, or none.
 * Each IKE SA of such a block belongs to one client, by the identity of the peer. A packet belongs
 * to the client whose selectors match it. The selectors of two clients never overlap.
 */
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"
#include "ike/version.h"

#define PROBE_MS	10000	/* a holder that was silent for so long is asked whether it is there */

bool ike_has_clients(const struct ike_peer *peer)
{
	const struct conf_peer *conf = peer->conf;

	return !conf_peer_initiates(conf) && (!conf->remote_id.type || conf_id_is_pattern(&conf->remote_id));
}

/* Puts the remembered selectors where ike_client_of() and holder() find them. */
static void publish(struct ike_sa *sa)
{
	sa->had_spans[0].sa = sa->had_spans[1].sa = sa;
	ike_spans_put(&sa->ike->spans, sa->had_spans, sa->had, sa->n_had);
}

/**
 * ike_client_remember - keep the selectors of a CHILD SA that goes, while its client is connected
 * @child: gives its selectors away
 *
 * An idle CHILD SA is deleted, and the next packet for its client asks for another one, if the IKE SA
 * stays for other tunnels.
 */
void ike_client_remember(struct ike_child *child)
{
	struct ike_sa *sa = child->sa;

	if (sa->dead || sa->state != IKE_STATE_ESTABLISHED || !sa->peer || !ike_has_clients(sa->peer) ||
	    child->state == IKE_CHILD_OFFERED || child->replaced || !child->n_sels)
		return;
	free(sa->had);
	sa->had = child->sels;
	sa->n_had = child->n_sels;
	sa->had_in = child->tun;
	child->sels = NULL;
	child->n_sels = 0;
	publish(sa);
}

void ike_client_forget(struct ike_sa *sa)
{
	ike_spans_drop(&sa->ike->spans, sa->had_spans);
	free(sa->had);
	sa->had = NULL;
	sa->n_had = 0;
	sa->had_in = NULL;
}

void ike_client_inherit(struct ike_sa *sa, struct ike_sa *old)
{
	ike_client_forget(sa);
	sa->had = old->had;
	sa->n_had = old->n_had;
	sa->had_in = old->had_in;
	old->had = NULL;
	ike_client_forget(old);
	publish(sa);
}

static bool takes(const struct kern_sel *sels, unsigned int n, const struct kern_flow *flow)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (ike_ts_takes(&sels[i].src, &flow->src, flow->proto, flow->sport) &&
		    ike_ts_takes(&sels[i].dst, &flow->dst, flow->proto, flow->dport))
			return true;
	return false;
}

/**
 * struct client_search - a search among the clients of a tunnel
 * @tun: the tunnel
 * @flow: packet of the client; NULL: @sel is given
 * @sel: selector that another client than @of may hold
 * @of: IKE SA of the client that asks for @sel
 * @found: IKE SA of the client, the newest; NULL: none yet
 */
struct client_search {
	const struct ike_tunnel *tun;
	const struct kern_flow *flow;
	const struct kern_sel *sel;
	const struct ike_sa *of;
	struct ike_sa *found;
};

/* the IKE SA of a span, if its selectors are of the tunnel and count; NULL */
static struct ike_sa *span_owner(const struct ike_span *span, const struct client_search *s)
{
	const struct ike_child *c = span->child;
	struct ike_sa *sa = c ? c->sa : span->sa;

	if (sa->dead || sa->peer != s->tun->peer || (c ? c->tun : sa->had_in) != s->tun)
		return NULL;
	/* one that is offered may be granted to a client, but carries nothing yet */
	if (c && (s->flow ? c->state != IKE_CHILD_UP : c->state == IKE_CHILD_DELETING))
		return NULL;
	return sa;
}

static bool find_client(const struct ike_span *span, void *arg)
{
	struct client_search *s = arg;
	struct ike_sa *sa = span_owner(span, s);
	const struct ike_child *c = span->child;

	if (sa && sa->state == IKE_STATE_ESTABLISHED && !sa->replacing && !sa->no_additional_sas &&
	    (!s->found || s->found->created_seq < sa->created_seq) &&
	    (c ? takes(c->sels, c->n_sels, s->flow) : takes(sa->had, sa->n_had, s->flow)))
		s->found = sa;
	return true;
}

/**
 * ike_client_of - the client that a packet is for
 * @tun: of a block with clients
 * @flow: the packet; NULL: there is none
 *
 * Return: an IKE SA of the client, the newest; NULL: no connected client has selectors that take the
 * packet.
 */
struct ike_sa *ike_client_of(const struct ike_tunnel *tun, const struct kern_flow *flow)
{
	struct client_search s = { .tun = tun, .flow = flow };

	if (flow && flow->src.family)
		ike_spans_search(tun->peer->ike->spans, &flow->dst, &flow->dst, find_client, &s);
	return s.found;
}

static unsigned int append(struct kern_sel *out, unsigned int n, const struct kern_sel *sels,
			   unsigned int more)
{
	if (more > KERN_SEL_MAX - n)
		more = KERN_SEL_MAX - n;
	if (more)
		memcpy(out + n, sels, more * sizeof(*sels));
	return n + more;
}

/**
 * ike_client_has - the selectors that the client of a CHILD SA has already
 * @child: of a block with clients; this host initiates it
 * @out: gets the selectors, at most KERN_SEL_MAX
 *
 * They are those of the CHILD SA that @child replaces. Without one, they are those of an idle CHILD SA
 * of the same IKE SA, and those of the IKE SA that the client reauthenticates. A client that is
 * offered more may take the packets of others (RFC 7296 2.9 lets it choose).
 *
 * Return: how many
 */
unsigned int ike_client_has(const struct ike_child *child, struct kern_sel *out)
{
	const struct ike_sa *sa = child->sa;
	const struct ike_sa *from = sa->replaces ? ike_sa_find(sa->ike, sa->replaces) : NULL;
	uint32_t rekeys = child->negotiation->rekeys;
	const struct ike_child *c = rekeys ? ike_child_find(child->sa, rekeys) : NULL;
	unsigned int n = 0;

	if (rekeys)
		return c ? append(out, 0, c->sels, c->n_sels) : 0;
	if (sa->had_in == child->tun)
		n = append(out, n, sa->had, sa->n_had);
	if (from && from->had_in == child->tun)
		n = append(out, n, from->had, from->n_had);
	for (c = from ? from->children : NULL; c; c = c->next)
		if (c->tun == child->tun && c->entry == child->entry && c->state == IKE_CHILD_UP)
			n = append(out, n, c->sels, c->n_sels);
	return n;
}

static bool find_holder(const struct ike_span *span, void *arg)
{
	struct client_search *s = arg;
	struct ike_sa *sa = span_owner(span, s);
	const struct ike_child *c = span->child;

	if (sa && sa != s->of && sa->state >= IKE_STATE_ESTABLISHED && !ike_sa_same_peer(sa, s->of) &&
	    (c ? ike_ts_any_overlaps(c->sels, c->n_sels, s->sel) :
		 ike_ts_any_overlaps(sa->had, sa->n_had, s->sel)))
		s->found = sa;
	return !s->found;
}

static struct ike_sa *holder(const struct ike_sa *of, const struct ike_tunnel *tun,
			     const struct kern_sel *sel)
{
	struct client_search s = { .tun = tun, .sel = sel, .of = of };

	ike_spans_search(tun->peer->ike->spans, &sel->dst.min, &sel->dst.max, find_holder, &s);
	return s.found;
}

/*
 * Asks a silent holder for a sign of life. The holder may be gone without a DELETE, and must not
 * block its selectors until its lifetime ends.
 */
static void probe(struct ike_sa *sa)
{
	if (sa->state == IKE_STATE_ESTABLISHED && sa->ike->now - sa->last_in >= PROBE_MS &&
	    !sa->retrans.waiting && !sa->busy_out && !sa->tasks &&
	    ike_task_add(sa, IKE_TASK_LIVENESS, NULL, 0, NULL))
		sa->version->run(sa);
}

/* the name of the client that holds a part of @sel, for the log; NULL: no client does */
static const char *held_by(struct ike_sa *sa, const struct ike_tunnel *tun,
			   const struct kern_sel *sel, char *out, size_t len)
{
	struct ike_sa *other = holder(sa, tun, sel);
	char id[IKE_ID_NAMED_STRLEN], at[ADDR_STRLEN];
	const struct addr *orphan;

	if (other) {
		snprintf(out, len, "%s", ike_sa_id_named(other, false, id, sizeof(id)));
		probe(other);
		return out;
	}
	/* the module does not know the identity of the peer, which may still use the SA */
	orphan = ike_orphans_holder(tun, sel, &sa->remote.addr);
	if (!orphan)
		return NULL;
	snprintf(out, len, "a peer at %s", addr_str(orphan, at, sizeof(at)));
	return out;
}

/**
 * ike_client_share - remove the selectors that another client holds
 * @sa: IKE SA of the client
 * @tun: tunnel of a block with clients
 * @sels: the selectors that the client would get; the function removes those that overlap
 * @n: number of @sels
 *
 * The log names the holder. The client does not learn it.
 *
 * Return: the number of selectors that remain
 */
unsigned int ike_client_share(struct ike_sa *sa, const struct ike_tunnel *tun, struct kern_sel *sels,
			      unsigned int n)
{
	char us[IKE_ID_NAMED_STRLEN], them[IKE_ID_NAMED_STRLEN], src[TS_STRLEN], dst[TS_STRLEN];
	unsigned int i, kept = 0;

	for (i = 0; i < n; i++) {
		if (!held_by(sa, tun, &sels[i], them, sizeof(them))) {
			sels[kept++] = sels[i];
			continue;
		}
		ike_report_error(sa, tun->conf->name,
				 "%s does not get %s === %s, which %s has",
			   ike_sa_id_named(sa, false, us, sizeof(us)),
			   ts_str(&sels[i].src, src, sizeof(src)),
			   ts_str(&sels[i].dst, dst, sizeof(dst)), them);
	}
	return kept;
}
