// SPDX-License-Identifier: GPL-2.0
/* A CHILD SA's proposals and selectors, in IKE_AUTH and CREATE_CHILD_SA alike: RFC 7296 2.7, 2.9. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "v2/v2.h"

static const struct bytes none = { NULL, 0 };

static void put_spi(struct ike_proposal *p, uint32_t spi)
{
	p->spi_len = 4;
	p->spi[0] = spi >> 24;
	p->spi[1] = spi >> 16;
	p->spi[2] = spi >> 8;
	p->spi[3] = spi;
}

/* RFC 7296 1.2: the first CHILD SA has the IKE SA's Diffie-Hellman and none of its own */
static unsigned int conf_proposals(const struct conf_tunnel *conf, bool first,
				   struct ike_proposal *out)
{
	unsigned int i, n;
	const struct ike_proposal *p = conf_tunnel_proposals(conf, &n);

	for (i = 0; i < n; i++) {
		out[i] = p[i];
		if (first)
			ike_proposal_drop(&out[i], IKE_TRANSFORM_DH);
		out[i].number = i + 1;
	}
	return n;
}

static unsigned int proposals(const struct ike_child *child, struct ike_proposal *out)
{
	unsigned int i, n = conf_proposals(child->tun->conf, child->negotiation->first, out);

	for (i = 0; i < n; i++)
		put_spi(&out[i], child->spi_in);
	return n;
}

/* Selectors that the tunnel's CHILD SA may have, or that of one entry. */
static struct ike_ts_ours ours(const struct ike_sa *sa, const struct ike_tunnel *tun,
			       uint32_t entry)
{
	const struct conf_tunnel *conf = tun->conf;

	return (struct ike_ts_ours){
		.list = conf->list,
		.transport_sa = conf->mode == CONF_MODE_TRANSPORT ? sa : NULL,
		.has_entry = ike_tunnel_per_entry(tun),
		.entry = entry,
		.whole = sa->peer && ike_has_clients(sa->peer),
	};
}

/* RFC 4302 3.3.3: AH signs the addresses that a NAT changes */
static bool ah_and_nat(const struct ike_sa *sa, const struct conf_tunnel *conf)
{
	return !conf->n_esp && sa->natt;
}

#define AH_AND_NAT "a NAT is between us, which AH cannot pass: expected ESP, or no NAT"

void v2_child_put_sa(struct ike_child *child, struct v2_out *out)
{
	struct ike_proposal p[CONF_PROPOSALS_MAX];
	unsigned int n = 1;

	if (child->initiator) {
		n = proposals(child, p);
	} else {
		p[0] = child->prop;
		put_spi(&p[0], child->spi_in);
	}
	/* RFC 7296 1.3.1: asked for by the initiator, agreed to by the responder */
	if (child->mode == CONF_MODE_TRANSPORT) {
		v2_put_notify(out, WIRE_N_USE_TRANSPORT_MODE, none);
		/* a payload of TCP cannot be told from padding behind it: RFC 4303 2.7 */
		if (ike_child_proto(child) == PROTO_ESP)
			v2_put_notify(out, WIRE_N_ESP_TFC_PADDING_NOT_SUPPORTED, none);
	}
	wire_put_sa(&out->w, p, n);
	crypto_wipe(p, sizeof(p));
}

/* a client is offered what it has, and the packet: in transport mode that is its address */
static void offer_ts(struct ike_child *child, const struct kern_flow *flow)
{
	struct ike_ts_ours ts = ours(child->sa, child->tun, child->entry);
	struct kern_sel has[KERN_SEL_MAX];

	if (ts.whole && !ts.transport_sa) {
		ts.n_has = ike_client_has(child, has);
		ts.has = has;
	}
	/* the selectors of the packet, beside those of the entry, would be a second pair */
	if (child->tun->single_pair)
		flow = NULL;
	ike_ts_offer(&ts, flow, &child->negotiation->local, &child->negotiation->remote);
}

bool v2_child_offer(struct ike_child *child, const struct kern_flow *flow, char *err,
		    size_t err_len)
{
	const struct conf_tunnel *conf = child->tun->conf;
	const struct ike_sa *sa = child->sa;
	char local[ADDR_STRLEN], remote[ADDR_STRLEN];

	if (ah_and_nat(sa, conf)) {
		snprintf(err, err_len, AH_AND_NAT);
		return false;
	}
	offer_ts(child, flow);
	if (child->negotiation->local.n)
		return true;
	if (conf->mode != CONF_MODE_TRANSPORT) {
		snprintf(err, err_len, "no packet and no earlier CHILD SA says what is the client's");
		return false;
	}
	snprintf(err, err_len,
		 "access-list %s protects nothing between %s and %s, the hosts of transport mode",
		 conf->list->name, addr_str(&sa->local.addr, local, sizeof(local)),
		 addr_str(&sa->remote.addr, remote, sizeof(remote)));
	return false;
}

/* TSi is the side of who began the exchange */
void v2_child_put_ts(const struct ike_child *child, struct v2_out *out)
{
	const struct wire_ts *local = &child->negotiation->local;
	const struct wire_ts *remote = &child->negotiation->remote;
	const struct wire_ts *i = child->initiator ? local : remote;
	const struct wire_ts *r = child->initiator ? remote : local;

	wire_put_ts(&out->w, WIRE_PLD_TSI, i->ts, i->n);
	wire_put_ts(&out->w, WIRE_PLD_TSR, r->ts, r->n);
}

static bool set_chosen(struct ike_child *child, const struct ike_proposal *p)
{
	const struct ike_transform *esn = ike_proposal_get(p, IKE_TRANSFORM_ESN);

	if (p->spi_len != 4)
		return false;
	child->prop = *p;
	child->spi_out = get_u32(p->spi);
	ike_child_publish_out(child);
	child->esn = esn && esn->id == ESN_YES;
	/* RFC 4303 2.1: below are no SPIs of SAs */
	return child->spi_out > 255;
}

/*
 * RFC 7296 2.9.2: what takes over carries all that @old does. In transport mode through
 * a NAT the selectors are the addresses of the ends, and these may have moved.
 */
static bool keeps_all(const struct ike_child *old, const struct kern_sel *sels, unsigned int n)
{
	unsigned int i, k;

	if (old->mode == CONF_MODE_TRANSPORT && old->sa->natt)
		return true;
	for (i = 0; i < old->n_sels; i++) {
		for (k = 0; k < n; k++)
			if (ts_contains(&sels[k].src, &old->sels[i].src) &&
			    ts_contains(&sels[k].dst, &old->sels[i].dst))
				break;
		if (k == n)
			return false;
	}
	return true;
}

static void narrower_text(const struct ike_child *old, const struct wire_ts *local,
			  const struct wire_ts *remote, char *err, size_t err_len)
{
	struct wire_ts *l = calloc(2, sizeof(*l)), *r = l + 1;
	char ol[150], or[150], nl[150], nr[150];

	snprintf(err, err_len, "out of memory");
	if (!l)
		return;
	ike_ts_lists(old->sels, old->n_sels, l, r);
	snprintf(err, err_len, "its traffic selectors are narrower than those of the SA that it is to replace: "
		 "expected %s === %s, found %s === %s",
		 ike_ts_list_str(l->ts, l->n, ol, sizeof(ol)),
		 ike_ts_list_str(r->ts, r->n, or, sizeof(or)),
		 ike_ts_list_str(local->ts, local->n, nl, sizeof(nl)),
		 ike_ts_list_str(remote->ts, remote->n, nr, sizeof(nr)));
	free(l);
}

static const struct addr *one_address(const struct wire_ts *ts)
{
	return ts->n && addr_equal(&ts->ts[0].min, &ts->ts[0].max) ? &ts->ts[0].min : NULL;
}

/*
 * RFC 7296 2.23.1: the peer's selectors of transport mode, before substitution, are the
 * addresses with which it makes the checksums of what it sends.
 */
static void note_orig(struct ike_child *child, const struct wire_ts *local,
		      const struct wire_ts *remote)
{
	const struct addr *l = one_address(local), *r = one_address(remote);

	if (child->mode != CONF_MODE_TRANSPORT || !child->sa->natt || !l || !r ||
	    l->family != child->sa->local.addr.family || r->family != l->family)
		return;
	child->orig_local = *l;
	child->orig_remote = *r;
}

/* RFC 7296 1.3.1: who says so would not understand what is padded */
static void note_tfc(struct ike_child *child, const struct v2_in *in)
{
	struct wire_notification n;

	child->no_tfc = v2_find_notify(&in->inner, WIRE_N_ESP_TFC_PADDING_NOT_SUPPORTED, &n);
}

/* ---- responder ---- */

/**
 * struct selection - the search for a tunnel that fits a request
 * @transport: the peer asks for transport mode
 * @old: the CHILD SA that is rekeyed, or NULL
 * @entry: of the tunnel that fits, where each entry has a CHILD SA of its own
 * @ts_fit: a tunnel that fits but for its proposals, for the line that says so
 * @mode_fit: one that fits but for its mode
 */
struct selection {
	struct v2_in *in;
	bool first, transport;
	struct wire_sa sa;
	struct wire_ts local, remote;
	const struct ike_child *old;
	struct ike_tunnel *tun, *ts_fit, *mode_fit;
	uint32_t entry;
	struct ike_proposal chosen;
	struct kern_sel sels[KERN_SEL_MAX];
	unsigned int n_sels;
};

static bool decode(struct selection *s)
{
	const struct wire_msg *m = &s->in->inner;
	struct wire_notification n;

	s->transport = v2_find_notify(m, WIRE_N_USE_TRANSPORT_MODE, &n);
	return wire_is_read(wire_sa_decode(wire_find(m, WIRE_PLD_SA)->body, &s->sa)) &&
	       wire_is_read(wire_ts_decode(wire_find(m, WIRE_PLD_TSI)->body, &s->remote)) &&
	       wire_is_read(wire_ts_decode(wire_find(m, WIRE_PLD_TSR)->body, &s->local));
}

/*
 * The selectors as they look from here: in transport mode through a NAT the peer's
 * have its own idea of the addresses (RFC 7296 2.23.1).
 */
static unsigned int narrow(const struct selection *s, const struct ike_tunnel *tun,
			   const struct wire_ts *local, const struct wire_ts *remote,
			   struct kern_sel *out)
{
	const struct ike_sa *sa = s->in->sa;
	struct ike_ts_ours ts = ours(sa, tun, s->entry);
	struct wire_ts *l = malloc(2 * sizeof(*l)), *r = l + 1;
	unsigned int n;

	if (!l)
		return 0;
	*l = *local;
	*r = *remote;
	if (s->transport && tun->conf->mode == CONF_MODE_TRANSPORT)
		ike_natt_substitute(sa, l, r);
	/* a client may ask for more again when it rekeys: it keeps what it has, see keep_old() */
	ts.whole = ts.whole && !s->old;
	n = ike_ts_narrow(&ts, l, r, out, KERN_SEL_MAX);
	free(l);
	return n;
}

/* is there anything in common, and of which entry? */
static bool try_entries(struct selection *s, const struct ike_tunnel *tun,
			const struct wire_ts *local, const struct wire_ts *remote)
{
	const struct conf_list *list = tun->conf->list;
	unsigned int i;

	if (!ike_tunnel_per_entry(tun) || s->old) {
		s->entry = s->old ? s->old->entry : 0;
		return narrow(s, tun, local, remote, s->sels);
	}
	for (i = 0; i < list->n; i++) {
		s->entry = list->entries[i].number;
		if (narrow(s, tun, local, remote, s->sels))
			return true;
	}
	return false;
}

static bool select_proposal(struct selection *s, const struct ike_proposal *ours, unsigned int n)
{
	if (s->first)
		return ike_proposal_select(ours, n, s->sa.p, s->sa.n, true, &s->chosen);
	return ike_proposal_select_ke(ours, n, s->sa.p, s->sa.n, v2_kex_came(&s->in->inner),
				      &s->chosen);
}

/* does the tunnel hold what @local and @remote have in common with it, and by which proposal? */
static bool try_tunnel(struct selection *s, struct ike_tunnel *tun, const struct wire_ts *local,
		       const struct wire_ts *remote)
{
	struct ike_proposal ours[CONF_PROPOSALS_MAX];
	const struct conf_tunnel *conf = tun->conf;
	unsigned int n;

	/* its SAs are set by hand */
	if (conf_tunnel_is_bundle(conf) || !try_entries(s, tun, local, remote))
		return false;
	/* RFC 7296 1.3.1: transport mode is the initiator's to ask for */
	if (conf->mode == CONF_MODE_TRANSPORT && !s->transport) {
		s->mode_fit = tun;
		return false;
	}
	if (!s->ts_fit)
		s->ts_fit = tun;
	n = conf_proposals(conf, s->first, ours);
	if (ah_and_nat(s->in->sa, conf) || !select_proposal(s, ours, n))
		return false;
	s->tun = tun;
	s->n_sels = narrow(s, tun, &s->local, &s->remote, s->sels);
	return true;
}

/* of several tunnels one of the mode that is asked for is better than one that declines it */
static void try_tunnels(struct selection *s, const struct wire_ts *local,
			const struct wire_ts *remote)
{
	struct ike_tunnel *first = s->in->sa->peer->tunnels, *t;

	for (t = first; t && !s->tun; t = t->next)
		if (s->transport == (t->conf->mode == CONF_MODE_TRANSPORT))
			try_tunnel(s, t, local, remote);
	for (t = first; t && !s->tun; t = t->next)
		if (s->transport != (t->conf->mode == CONF_MODE_TRANSPORT))
			try_tunnel(s, t, local, remote);
}

/* RFC 7296 2.9: the first selectors may be those of the packet that asked */
static bool find_tunnel(struct selection *s)
{
	struct wire_ts *l = calloc(2, sizeof(*l)), *r = l + 1;

	if (!l)
		return false;
	l->n = r->n = 1;
	l->ts[0] = s->local.ts[0];
	r->ts[0] = s->remote.ts[0];
	if (s->old) {
		try_tunnel(s, s->old->tun, &s->local, &s->remote);
	} else {
		try_tunnels(s, l, r);
		try_tunnels(s, &s->local, &s->remote);
	}
	free(l);
	return s->tun;
}

/* "tunnel lan: 10.1.0.0/16 === 10.2.0.0/16; tunnel dmz: ..." */
static const char *list_wanted(const struct ike_peer *peer, char *out, size_t len)
{
	struct wire_ts *local = calloc(2, sizeof(*local)), *remote = local + 1;
	const struct ike_tunnel *t;
	char l[150], r[150];
	size_t at = 0;

	snprintf(out, len, "nothing");
	for (t = peer->tunnels; t && local && at < len; t = t->next) {
		ike_ts_offer(&(struct ike_ts_ours){ .list = t->conf->list }, NULL, local, remote);
		at += snprintf(out + at, len - at, "%stunnel %s: %s === %s", at ? "; " : "",
			       t->conf->name, ike_ts_list_str(local->ts, local->n, l, sizeof(l)),
			       ike_ts_list_str(remote->ts, remote->n, r, sizeof(r)));
	}
	free(local);
	return out;
}

static void note_ts(const struct selection *s, const char *wanted)
{
	char theirs[IKE_DIFFERENCE_MAX], l[180], r[180];

	snprintf(theirs, sizeof(theirs), "%s === %s",
		 ike_ts_list_str(s->local.ts, s->local.n, l, sizeof(l)),
		 ike_ts_list_str(s->remote.ts, s->remote.n, r, sizeof(r)));
	ike_note(s->in->sa->ike, "traffic selectors", theirs, wanted);
}

static uint16_t nothing_fits(const struct selection *s)
{
	char wanted[300], ol[150], or[150], addr[ADDR_STRLEN], diff[640];
	const struct ike_sa *sa = s->in->sa;

	addr_str(&sa->remote.addr, addr, sizeof(addr));
	if (s->ts_fit && ah_and_nat(sa, s->ts_fit->conf)) {
		ike_report_error(s->in->sa, s->ts_fit->conf->name, AH_AND_NAT);
		return WIRE_N_NO_PROPOSAL_CHOSEN;
	}
	if (s->ts_fit) {
		const struct conf_tunnel *c = s->ts_fit->conf;
		struct ike_proposal ours[CONF_PROPOSALS_MAX];
		unsigned int n = conf_proposals(c, s->first, ours);

		ike_note_proposals(sa->ike, ours, n, s->sa.p, s->sa.n);
		ike_report_error(s->in->sa, c->name, "no common %s proposal with %s: %s%s", ike_proto_str(ours[0].proto), addr,
			   ike_proposal_diff(ours, n, s->sa.p, s->sa.n, diff, sizeof(diff)),
			   v2_kex_more(&s->sa));
		return WIRE_N_NO_PROPOSAL_CHOSEN;
	}
	if (s->mode_fit) {
		ike_note(sa->ike, "mode", "tunnel", "transport");
		ike_report_error(s->in->sa, s->mode_fit->conf->name, "no common mode with %s: offered tunnel, expected transport", addr);
		return WIRE_N_NO_PROPOSAL_CHOSEN;
	}
	ike_ts_list_str(s->local.ts, s->local.n, ol, sizeof(ol));
	ike_ts_list_str(s->remote.ts, s->remote.n, or, sizeof(or));
	list_wanted(sa->peer, wanted, sizeof(wanted));
	note_ts(s, wanted);
	ike_report_error(s->in->sa, NULL, "no common traffic selectors with %s: offered %s === %s, expected %s", addr,
		   ol, or, wanted);
	return WIRE_N_TS_UNACCEPTABLE;
}

static uint16_t too_narrow(const struct selection *s)
{
	char err[IKE_TEXT_MAX];

	narrower_text(s->old, &s->local, &s->remote, err, sizeof(err));
	ike_report_error(s->in->sa, s->tun->conf->name, "the peer wants to rekey a CHILD SA, and %s", err);
	return WIRE_N_TS_UNACCEPTABLE;
}

/* a client that proposes more at a rekey keeps the selectors of the old CHILD SA */
static void keep_old(struct selection *s)
{
	if (!ike_has_clients(s->in->sa->peer))
		return;
	memcpy(s->sels, s->old->sels, s->old->n_sels * sizeof(*s->sels));
	s->n_sels = s->old->n_sels;
}

/* removes the selectors of other clients; 0: none is left */
static unsigned int share(struct selection *s)
{
	struct ike_sa *sa = s->in->sa;

	if (!s->old && ike_has_clients(sa->peer))
		s->n_sels = ike_client_share(sa, s->tun, s->sels, s->n_sels);
	return s->n_sels;
}

uint16_t v2_child_select(struct v2_in *in, bool first, const struct ike_child *old,
			 struct ike_child **child)
{
	struct selection *s = calloc(1, sizeof(*s));
	uint16_t error = 0;

	*child = NULL;
	if (!s)
		return WIRE_N_NO_PROPOSAL_CHOSEN;
	s->in = in;
	s->first = first;
	s->old = old;
	if (!decode(s)) {
		error = WIRE_N_INVALID_SYNTAX;
	} else if (!s->local.n || !s->remote.n || !find_tunnel(s)) {
		error = nothing_fits(s);
	} else if (old && !keeps_all(old, s->sels, s->n_sels)) {
		error = too_narrow(s);
	} else if (!share(s)) {
		error = WIRE_N_TS_UNACCEPTABLE;
	} else {
		if (old)
			keep_old(s);
		*child = ike_child_new(in->sa, s->tun, false);
		if (*child) {
			(*child)->entry = s->entry;
			note_tfc(*child, in);
			note_orig(*child, &s->local, &s->remote);
		}
		if (!*child || !set_chosen(*child, &s->chosen) ||
		    !ike_child_set_sels(*child, s->sels, s->n_sels))
			error = WIRE_N_NO_PROPOSAL_CHOSEN;
		else
			ike_ts_lists((*child)->sels, (*child)->n_sels,
				     &(*child)->negotiation->local,
				     &(*child)->negotiation->remote);
		if (error && *child) {
			ike_child_free(*child, "out of memory, or its SPI is not valid");
			*child = NULL;
		}
	}
	free(s);
	return error;
}

/* ---- initiator ---- */

static bool accept_sa(struct ike_child *child, struct bytes body, char *err, size_t err_len)
{
	struct ike_proposal ours[CONF_PROPOSALS_MAX];
	char offered[300], got[200];
	struct wire_sa sa;
	unsigned int n;

	if (wire_sa_decode(body, &sa) != WIRE_OK || sa.n != 1) {
		snprintf(err, err_len, "its answer holds not one proposal");
		return false;
	}
	n = proposals(child, ours);
	if (!ike_proposal_accept(ours, n, &sa.p[0])) {
		ike_note_proposals(child->sa->ike, ours, n, sa.p, 1);
		snprintf(err, err_len, "it chose what was not offered: offered %s, found %s",
			 ike_proposals_str(ours, n, offered, sizeof(offered)),
			 ike_proposal_str(&sa.p[0], got, sizeof(got)));
		return false;
	}
	if (!set_chosen(child, &sa.p[0])) {
		snprintf(err, err_len, "its SPI is not valid");
		return false;
	}
	return true;
}

/* a rekey keeps the selectors; a new CHILD SA gets those that no other client holds */
static unsigned int for_client(const struct ike_child *child, const struct ike_child *old,
			       struct kern_sel *sels, unsigned int n)
{
	struct ike_sa *sa = child->sa;

	if (!sa->peer || !ike_has_clients(sa->peer))
		return n;
	if (!old)
		return ike_client_share(sa, child->tun, sels, n);
	if (child->mode == CONF_MODE_TRANSPORT)
		return n;
	memcpy(sels, old->sels, old->n_sels * sizeof(*sels));
	return old->n_sels;
}

static bool take_sels(struct ike_child *child, const struct ike_child *old, struct kern_sel *sels,
		      unsigned int n, char *err, size_t err_len)
{
	n = for_client(child, old, sels, n);
	if (n)
		return ike_child_set_sels(child, sels, n);
	snprintf(err, err_len, "its traffic selectors are those of another client");
	return false;
}

/* RFC 7296 2.9: what it narrowed to must lie within what we offered */
static bool accept_ts(struct ike_child *child, struct v2_in *in, char *err, size_t err_len)
{
	const struct wire_payload *i = wire_find(&in->inner, WIRE_PLD_TSI);
	const struct wire_payload *r = wire_find(&in->inner, WIRE_PLD_TSR);
	struct wire_ts *local = calloc(2, sizeof(*local)), *remote = local + 1;
	char ol[150], or[150], l[150], rs[150];
	const struct ike_ts_ours ts = ours(child->sa, child->tun, child->entry);
	struct ike_negotiation *negotiation = child->negotiation;
	const struct ike_child *old =
		negotiation->rekeys ? ike_child_find(child->sa, negotiation->rekeys) : NULL;
	struct kern_sel sels[KERN_SEL_MAX];
	unsigned int n = 0;
	bool ok = false;

	ok = local && i && r && wire_ts_decode(i->body, local) == WIRE_OK &&
	     wire_ts_decode(r->body, remote) == WIRE_OK;
	if (ok)
		note_orig(child, local, remote);
	if (ok && child->mode == CONF_MODE_TRANSPORT)
		ike_natt_substitute(child->sa, local, remote);
	if (ok && ike_ts_within(local, &negotiation->local) &&
	    ike_ts_within(remote, &negotiation->remote))
		n = ike_ts_narrow(&ts, local, remote, sels, KERN_SEL_MAX);
	ok = false;
	if (n && old && !keeps_all(old, sels, n))
		narrower_text(old, local, remote, err, err_len);
	else if (n)
		ok = take_sels(child, old, sels, n, err, err_len);
	else if (local) {
		ike_note_ts(child->sa->ike, local, remote, &negotiation->local,
			    &negotiation->remote);
		snprintf(err, err_len, "its traffic selectors are not among ours: offered %s === %s, "
			 "found %s === %s",
			 ike_ts_list_str(negotiation->local.ts, negotiation->local.n, ol,
					 sizeof(ol)),
			 ike_ts_list_str(negotiation->remote.ts, negotiation->remote.n, or,
					 sizeof(or)),
			 ike_ts_list_str(local->ts, local->n, l, sizeof(l)),
			 ike_ts_list_str(remote->ts, remote->n, rs, sizeof(rs)));
	}
	free(local);
	return ok;
}

bool v2_child_accept(struct ike_child *child, struct v2_in *in, char *err, size_t err_len)
{
	const struct wire_payload *sa = wire_find(&in->inner, WIRE_PLD_SA);
	struct wire_notification n;
	char addr[ADDR_STRLEN];

	snprintf(err, err_len, "out of memory");
	if (!sa || !wire_find(&in->inner, WIRE_PLD_TSI) || !wire_find(&in->inner, WIRE_PLD_TSR)) {
		snprintf(err, err_len, "its answer has no SA or no selectors");
		return false;
	}
	if (!accept_sa(child, sa->body, err, err_len))
		return false;
	/* RFC 7296 1.3.1: if that is unacceptable, the SA is deleted */
	if (child->mode == CONF_MODE_TRANSPORT &&
	    !v2_find_notify(&in->inner, WIRE_N_USE_TRANSPORT_MODE, &n)) {
		ike_note(child->sa->ike, "mode", "tunnel", "transport");
		snprintf(err, err_len, "%s chose tunnel mode: offered transport mode, and expected it",
			 addr_str(&child->sa->remote.addr, addr, sizeof(addr)));
		return false;
	}
	note_tfc(child, in);
	return accept_ts(child, in, err, err_len);
}

static void group_str(uint16_t group, char *out, size_t len)
{
	ike_transform_str(&(struct ike_transform){ IKE_TRANSFORM_DH, group, 0 }, out, len);
}

/* "ecp384, x25519", or "none" */
static const char *groups_str(const struct ike_proposal *p, unsigned int n, char *out, size_t len)
{
	char one[IKE_TRANSFORM_STRLEN];
	unsigned int i, k;
	size_t at = 0;

	snprintf(out, len, "none");
	for (i = 0; i < n; i++)
		for (k = 0; k < p[i].n && at < len; k++) {
			if (p[i].t[k].type != IKE_TRANSFORM_DH || p[i].t[k].id == DH_NONE)
				continue;
			ike_transform_str(&p[i].t[k], one, sizeof(one));
			at += snprintf(out + at, len - at, "%s%s", at ? ", " : "", one);
		}
	return out;
}

/*
 * RFC 7296 1.2: in IKE_AUTH no group takes part, so that the first CHILD SA comes up
 * though the groups for PFS differ, and its first rekeying fails.
 */
static void pfs_refused(const struct ike_child *child, const char *addr,
			const struct wire_notification *n, char *err, size_t err_len)
{
	struct ike_proposal ours[CONF_PROPOSALS_MAX];
	char groups[200], theirs[IKE_TRANSFORM_STRLEN], p[250];
	unsigned int n_ours = proposals(child, ours);

	groups_str(ours, n_ours, groups, sizeof(groups));
	if (n->type == WIRE_N_INVALID_KE_PAYLOAD && n->data.len == 2) {
		group_str(get_u16(n->data.p), theirs, sizeof(theirs));
		ike_note(child->sa->ike, "group for PFS", theirs, groups);
		snprintf(err, err_len, "%s wants another group for PFS (INVALID_KE_PAYLOAD): ours %s, "
			 "its %s", addr, groups, theirs);
		return;
	}
	ike_note(child->sa->ike, "group for PFS", NULL, groups);
	ike_note_proposals(child->sa->ike, ours, n_ours, NULL, 0);
	snprintf(err, err_len, "%s accepts no %s proposal of ours to rekey a CHILD SA that it accepted "
		 "(NO_PROPOSAL_CHOSEN), so the groups for PFS differ: ours %s, its another one%s, "
		 "which it does not say; offered %s",
		 addr, ike_proto_str(ike_child_proto(child)), groups,
		 !strcmp(groups, "none") ? "" : " or none",
		 ike_proposals_str(ours, n_ours, p, sizeof(p)));
}

static void no_proposal(const struct ike_child *child, const char *addr, char *err, size_t err_len)
{
	struct ike_proposal ours[CONF_PROPOSALS_MAX];
	unsigned int n = proposals(child, ours);
	char p[300];

	ike_proposals_str(ours, n, p, sizeof(p));
	ike_note_proposals(child->sa->ike, ours, n, NULL, 0);
	ike_note(child->sa->ike, "mode", NULL,
		 child->mode == CONF_MODE_TRANSPORT ? "transport" : "tunnel");
	snprintf(err, err_len, "%s accepts no %s proposal of ours (NO_PROPOSAL_CHOSEN): offered %s%s; "
		 "what it expects it does not say, its log may", addr,
		 ike_proto_str(ike_child_proto(child)), p,
		 child->mode == CONF_MODE_TRANSPORT ? " in transport mode" : "");
}

void v2_child_refused(const struct ike_child *child, const struct wire_notification *n, char *err,
		      size_t err_len)
{
	char addr[ADDR_STRLEN], l[250], r[250], entry[40] = "";
	const struct ike_negotiation *negotiation = child->negotiation;

	addr_str(&child->sa->remote.addr, addr, sizeof(addr));
	if (n && negotiation->rekeys && (n->type == WIRE_N_NO_PROPOSAL_CHOSEN ||
					 n->type == WIRE_N_INVALID_KE_PAYLOAD)) {
		pfs_refused(child, addr, n, err, err_len);
	} else if (n && n->type == WIRE_N_NO_PROPOSAL_CHOSEN) {
		no_proposal(child, addr, err, err_len);
	} else if (n && n->type == WIRE_N_TS_UNACCEPTABLE) {
		ike_note_ts(child->sa->ike, NULL, NULL, &negotiation->local, &negotiation->remote);
		if (child->tun->conf->child_sa == CONF_CHILD_PER_ENTRY)
			snprintf(entry, sizeof(entry), " (entry %u)", child->entry);
		snprintf(err, err_len, "%s accepts no traffic selectors of ours (TS_UNACCEPTABLE): "
			 "offered %s === %s%s; what it expects it does not say: its list must have "
			 "the same prefixes, the other way round", addr,
			 ike_ts_list_str(negotiation->local.ts, negotiation->local.n, l, sizeof(l)),
			 ike_ts_list_str(negotiation->remote.ts, negotiation->remote.n, r,
					 sizeof(r)), entry);
	} else if (n && n->type == WIRE_N_NO_ADDITIONAL_SAS) {
		snprintf(err, err_len, "%s makes no further CHILD SA on this IKE SA (NO_ADDITIONAL_SAS): "
			 "the next try is on another one", addr);
	} else {
		snprintf(err, err_len, "%s refuses the CHILD SA: %s", addr,
			 n ? wire_notify_str(n->type) : "it gives no reason");
	}
}

bool v2_child_by_entries(struct ike_child *child, const struct wire_notification *n)
{
	const bool has_flow = child->negotiation->has_flow;
	const struct kern_flow flow = child->negotiation->flow;
	struct ike_tunnel *tun = child->tun;
	struct ike_sa *sa = child->sa;
	char addr[ADDR_STRLEN];

	if (n->type != WIRE_N_SINGLE_PAIR_REQUIRED || child->negotiation->rekeys ||
	    tun->single_pair)
		return false;
	ike_report(sa->ike, IKE_EVENT_EXCHANGE, sa->name, tun->conf->name, NULL,
		   "%s takes one pair of selectors a CHILD SA (SINGLE_PAIR_REQUIRED): each entry of access-list %s gets its own",
		   addr_str(&sa->remote.addr, addr, sizeof(addr)), tun->conf->list->name);
	tun->single_pair = true;
	ike_child_free(child, "a single pair is required");
	if (!ike_tunnel_ask(sa, tun, has_flow ? &flow : NULL))
		ike_tunnel_failed(tun, "out of memory");
	return true;
}

/* ---- both ---- */

void v2_child_failed(struct ike_child *child, bool peer_has_it, const char *error)
{
	struct ike_sa *sa = child->sa;
	struct ike_tunnel *tun = child->tun;
	uint32_t rekeys = child->negotiation ? child->negotiation->rekeys : 0;
	struct ike_child *old = rekeys ? ike_child_find(sa, rekeys) : NULL;

	ike_report_error(sa, tun ? tun->conf->name : NULL, "%s", error);
	if (sa->negotiation == child)
		sa->negotiation = NULL;
	ike_child_answering(child, false);
	if (peer_has_it)
		ike_child_delete(child, error);
	else
		ike_child_free(child, error);
	if (old)
		ike_waiters_done(&old->rekeyed, error);
	if (rekeys)
		ike_child_rekey_failed(sa, rekeys);
	if (tun && tun->sa == sa)
		ike_tunnel_failed(tun, error);
}

bool v2_child_install(struct ike_child *child, bool in, bool out, struct bytes shared,
		      struct bytes ni, struct bytes nr, char *err, size_t err_len)
{
	struct ike_child_keys keys_in, keys_out;
	int ret = -ENOMEM;

	if (v2_child_keys(child, shared, ni, nr, &keys_in, &keys_out)) {
		ret = in ? ike_install(child, true, &keys_in) : 0;
		if (!ret && out && (in || !ike_install_later(child, &keys_out)))
			ret = ike_install(child, false, &keys_out);
	}
	crypto_wipe(&keys_in, sizeof(keys_in));
	crypto_wipe(&keys_out, sizeof(keys_out));
	if (ret)
		snprintf(err, err_len, "the module refused the SA with SPI 0x%08x: %s",
			 in && !child->in_installed ? child->spi_in : child->spi_out,
			 strerror(-ret));
	return !ret;
}
