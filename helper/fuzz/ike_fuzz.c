// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine: two IKE cores in one process, a network, two modules and a
 * clock (tests/ike_world.h), and the input says what happens, in letters:
 *
 *	the first octet		how both are configured, enum how
 *	u d N			up, down at node N
 *	a N P			a packet asks at node N; P: which
 *	x N D, h N D		the newest SA of direction D expires, soft or hard
 *	r N V, R N		other configuration, another daemon
 *	m N P			ESP comes to N from another port
 *	f N D			the module refuses, or takes again, SAs of direction D
 *	g K, G			message K of those on their way arrives; all do
 *	l K, c K		it is lost; there are two of it
 *	b K ..., w K P B	it is opened, changed and sealed again; a bit of it flips
 *	o N I			message I of those that N ever sent comes once more
 *	q N E ...		N asks what its core did not ask
 *	s N T			a notification that is not protected comes to N
 *	t T, T T		time passes: without and with a network
 *	n, j, J, v		nothing arrives any more, or does; jobs wait, or do not; run; limits
 *
 * A node or a number is a digit; other octets do as well. What does not fit
 * does nothing.
 *
 * Whatever happened: who waited was told once, the module has the SAs that the
 * core knows of and no others, tables and counts agree, after a while both can
 * be taken down to nothing, and the tunnel comes up again.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/crypto.h>

#include <linux/nfipsec.h>

#include "fuzz/fake_dh.h"
#include "ike/core.h"
#include "tests/ike_bend.h"

enum how { HOW_PFS = 1, HOW_SHORT_LIFE = 2, HOW_AT_LOAD = 4, HOW_SIX = 8, HOW_TRANSPORT = 0x10,
	   HOW_NAT = 0x20, HOW_SMALL = 0x40 };

#define OPS_MAX		200
#define QUEUE_MAX	200
#define SETTLE_MS	300000

#define check(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __func__, __LINE__, #what); \
			abort(); \
		} \
	} while (0)

struct input {
	const uint8_t *p, *end;
};

struct fuzz {
	struct world *w;
	struct input in;
	unsigned int how, asked, told;
	bool bent;		/* somebody who holds the keys lied */
	struct ike_limits limits;
};

/* ---- the same input, the same run ---- */

static uint64_t random_state;

int gnutls_rnd(gnutls_rnd_level_t level, void *data, size_t len)
{
	uint8_t *p = data;

	(void)level;
	while (len--) {
		random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
		*p++ = (uint8_t)(random_state >> 56);
	}
	return 0;
}

/* ---- input ---- */

static uint8_t octet(struct input *in)
{
	return in->p < in->end ? *in->p++ : '0';
}

/* '0' is 0 */
static unsigned int number(struct input *in)
{
	return (uint8_t)(octet(in) - '0');
}

static struct node *node(struct fuzz *f)
{
	return number(&f->in) & 1 ? &f->w->b : &f->w->a;
}

/* ---- what must be so at any time ---- */

static bool in_module(const struct node *n, uint8_t dir, uint32_t spi, uint8_t proto)
{
	const struct fake_sa *s;

	for (s = n->sas; s < n->sas + WORLD_SAS; s++)
		if (s->used && s->dir == dir && s->spi == spi &&
		    (s->proto == IPPROTO_AH) == (proto == PROTO_AH))
			return true;
	return false;
}

static bool core_has(const struct node *n, const struct fake_sa *s)
{
	const struct ike_child *c;
	const struct ike_sa *sa;

	for (sa = n->ike->sas; sa; sa = sa->next)
		for (c = sa->children; c; c = c->next)
			if (s->dir == NFIPSEC_DIR_IN ? c->in_installed && c->spi_in == s->spi :
						       c->out_installed && c->spi_out == s->spi)
				return true;
	return s->dir == NFIPSEC_DIR_IN && ike_lingers(n->ike, s->spi);
}

static void check_sa(const struct node *n, const struct ike_sa *sa)
{
	const struct ike_child *c;
	const struct ike_task *t;
	unsigned int tasks = 0, answering = 0, i;

	check(!sa->dead && sa->refs && ike_sa_find(n->ike, ike_sa_own_spi(sa)) == sa);
	for (t = sa->tasks; t; t = t->next)
		tasks++;
	check(tasks == sa->n_tasks && tasks <= IKE_TASKS_MAX);
	for (c = sa->children; c; c = c->next) {
		check(c->sa == sa && c->spi_in > 255);
		/* an answer goes out with its SA in the module, and nothing is up without selectors */
		check(c->state != IKE_CHILD_UP || (c->n_sels && !c->negotiation));
		check(c->state == IKE_CHILD_UP || !c->counted || !c->tun);
		answering += c->answering;
	}
	check(answering == sa->n_negotiations_in && answering <= sa->window);
	/* RFC 7296 2.3: those of a window back, and what overtook others by no more than one */
	for (i = 0; i < IKE_WINDOW; i++)
		check(!sa->answers[i] || (sa->answers[i]->msgid % IKE_WINDOW == i &&
					  sa->answers[i]->msgid - sa->next_in + IKE_WINDOW < 2 * IKE_WINDOW));
	/* An IKE SA without CHILD SAs is bounded in time. */
	if (sa->state == IKE_STATE_HALF_OPEN || sa->state == IKE_STATE_DELETING)
		check(sa->life.at);
}

static void check_node(const struct node *n)
{
	const struct ike *ike = n->ike;
	unsigned int sas = 0, half_open = 0, jobs = 0, with_peer = 0, up;
	const struct ike_peer *peer;
	const struct ike_tunnel *tun;
	const struct ike_child *c;
	const struct fake_sa *s;
	const struct ike_sa *sa;

	for (sa = ike->sas; sa; sa = sa->next) {
		sas++;
		half_open += sa->half_open != NULL;
		with_peer += sa->peer != NULL;
		check_sa(n, sa);
	}
	for (peer = ike->peers; peer; peer = peer->next)
		for (sa = peer->sas; sa; sa = sa->peer_next, with_peer--)
			check(sa->peer == peer && !sa->dead);
	check(!with_peer);
	check(sas == ike->n_sas);
	/* a dead half-open SA keeps its place until its jobs are over */
	for (sa = ike->half_open; sa; sa = sa->half_open_next) {
		check(sa->half_open && (!sa->dead || sa->stranger_jobs));
		half_open += sa->dead;
		jobs += sa->stranger_jobs;
	}
	check(half_open == ike->n_half_open && jobs == ike->n_unauthenticated_jobs);
	check(half_open <= ike->limits.half_open_max);
	for (s = n->sas; s < n->sas + WORLD_SAS; s++)
		check(!s->used || core_has(n, s));
	for (peer = ike->peers; peer; peer = peer->next)
		for (tun = peer->tunnels; tun; tun = tun->next) {
			bool found = !tun->sa;

			for (up = 0, sa = ike->sas; sa; sa = sa->next) {
				found = found || sa == tun->sa;
				for (c = sa->children; c; c = c->next)
					up += c->tun == tun && c->counted;
			}
			check(found);
			check(up == tun->n_up);
		}
}

/* with no lie of a peer, both ends have the same SAs once they have settled */
static void check_all_installed(const struct node *n)
{
	const struct ike_child *c;
	const struct ike_sa *sa;

	for (sa = n->ike->sas; sa; sa = sa->next)
		for (c = sa->children; c; c = c->next)
			if (c->state == IKE_CHILD_UP)
				check(in_module(n, NFIPSEC_DIR_IN, c->spi_in, c->prop.proto) ||
				      !c->in_installed);
}

/* ---- configurations ---- */

static void conf_of(const struct fuzz *f, bool is_a, unsigned int variant, struct world_conf *c)
{
	bool six = f->how & HOW_SIX;

	/* while a run settles it is to ask its peer now and then, not all the time */
	*c = (struct world_conf){ .six = six, .extra_peer = "dpd 100s" };
	if (f->how & HOW_SMALL)
		c->extra_peer = "dpd 100s\n fragmentation 256";
	if (f->how & HOW_PFS)
		c->esp = "aes128gcm16-x25519";
	if (f->how & HOW_SHORT_LIFE) {
		c->extra_peer = f->how & HOW_SMALL ? "ike-lifetime 5m\n dpd 10s\n fragmentation 256" :
						     "ike-lifetime 5m\n dpd 10s";
		c->extra_tunnel = "lifetime 2m\n idle-timeout 30s";
	}
	if (f->how & HOW_AT_LOAD && is_a)
		c->start = "at-load";
	if (f->how & HOW_TRANSPORT) {
		c->mode = "transport";
		c->entries = is_a == !six ? "10 protect ip from 192.0.2.1 to 192.0.2.2" :
					    "10 protect ip from 192.0.2.2 to 192.0.2.1";
		if (six)
			c->entries = is_a ? "10 protect ip from 2001:db8::1 to 2001:db8::2" :
					    "10 protect ip from 2001:db8::2 to 2001:db8::1";
	}
	switch (variant) {
	case 1:
		c->esp = "aes256gcm16-x25519";
		break;
	case 2:
		c->extra_peer = "dpd 20s";
		break;
	case 3:
		c->psk = "another";
		break;
	case 4:
		c->start = "manual";
		break;
	}
}

static void load(struct fuzz *f, struct node *n, unsigned int variant)
{
	struct world_conf c;

	conf_of(f, n == &f->w->a, variant, &c);
	world_load(n, &c);
}

/* a NAT in front of the first: its ports 500 and 4500 look like 1500 and 5500 from outside */
static unsigned int nat(struct world *w, const struct packet *p, unsigned int n)
{
	struct packet q = *p;

	(void)n;
	if (w->cut)
		return 0;
	if (addr_equal(&p->from.addr, &w->a.addr))
		q.from.port += 1000;
	else if (q.to.port >= 1500)
		q.to.port -= 1000;
	if (w->n_queue < QUEUE_MAX)
		world_send(w, &q);
	return 0;
}

/* a network that holds so much and no more */
static unsigned int limited(struct world *w, const struct packet *p, unsigned int n)
{
	(void)p;
	(void)n;
	return w->n_queue < QUEUE_MAX;
}

/* ---- the network ---- */

static void take(struct world *w, unsigned int k, struct packet *p)
{
	*p = w->queue[k];
	memmove(w->queue + k, w->queue + k + 1, (--w->n_queue - k) * sizeof(*p));
}

static struct packet *queued(struct fuzz *f)
{
	unsigned int k = number(&f->in);

	return f->w->n_queue ? &f->w->queue[k % f->w->n_queue] : NULL;
}

static void arrive(struct world *w, struct packet *p)
{
	struct node *n = addr_equal(&p->to.addr, &w->a.addr) ? &w->a : &w->b;

	ike_input(n->ike, &p->to, &p->from, (struct bytes){ p->data, p->len }, w->now);
}

static void deliver_one(struct fuzz *f)
{
	struct packet *q = queued(f), p;

	if (!q)
		return;
	take(f->w, (unsigned int)(q - f->w->queue), &p);
	arrive(f->w, &p);
	free(p.data);
}

static void lose_one(struct fuzz *f)
{
	struct packet *q = queued(f), p;

	if (!q)
		return;
	take(f->w, (unsigned int)(q - f->w->queue), &p);
	free(p.data);
}

static void double_one(struct fuzz *f)
{
	struct packet *q = queued(f);

	if (q && f->w->n_queue < QUEUE_MAX)
		world_send(f->w, q);
}

static void flip(struct fuzz *f)
{
	struct packet *q = queued(f);
	unsigned int at = number(&f->in), bit = number(&f->in);

	if (q && q->len)
		q->data[at % q->len] ^= (uint8_t)(1u << bit % 8);
}

static void once_more(struct fuzz *f)
{
	struct node *n = node(f);
	unsigned int i = number(&f->in);

	if (n->n_log && f->w->n_queue < QUEUE_MAX)
		world_send(f->w, &n->log[i % n->n_log]);
}

/* ---- messages bent ---- */

static const uint16_t notifies[] = {
	WIRE_N_INVALID_SYNTAX, WIRE_N_NO_PROPOSAL_CHOSEN, WIRE_N_INVALID_KE_PAYLOAD,
	WIRE_N_AUTHENTICATION_FAILED, WIRE_N_NO_ADDITIONAL_SAS, WIRE_N_TS_UNACCEPTABLE,
	WIRE_N_TEMPORARY_FAILURE, WIRE_N_CHILD_SA_NOT_FOUND, WIRE_N_INITIAL_CONTACT,
	WIRE_N_SET_WINDOW_SIZE, WIRE_N_COOKIE, WIRE_N_USE_TRANSPORT_MODE, WIRE_N_REKEY_SA,
	WIRE_N_NAT_DETECTION_SOURCE_IP, WIRE_N_NAT_DETECTION_DESTINATION_IP,
	WIRE_N_INVALID_IKE_SPI, WIRE_N_FRAGMENTATION_SUPPORTED, 16404 /* MULTIPLE_AUTH_SUPPORTED */,
};

/* an SPI that somebody has, or nobody */
static uint32_t some_spi(struct fuzz *f)
{
	const struct node *n = node(f);
	unsigned int k = number(&f->in);

	return k < WORLD_SAS && n->sas[k].used ? n->sas[k].spi : 0x12340000 + k;
}

static void add_notify(struct fuzz *f, struct bend *m)
{
	unsigned int t = number(&f->in), n = number(&f->in) % 40;
	uint16_t type = t < sizeof(notifies) / sizeof(notifies[0]) ? notifies[t] : (uint16_t)(t * 257);
	uint8_t spi[4], data[40] = { 0, DH_X25519 };
	uint32_t s;

	if (type == WIRE_N_REKEY_SA || type == WIRE_N_CHILD_SA_NOT_FOUND) {
		s = some_spi(f);
		spi[0] = s >> 24;
		spi[1] = s >> 16;
		spi[2] = s >> 8;
		spi[3] = s;
		bend_notify(m, PROTO_ESP, (struct bytes){ spi, 4 }, type, (struct bytes){ NULL, 0 });
	} else {
		bend_notify(m, 0, (struct bytes){ NULL, 0 }, type, (struct bytes){ data, n });
	}
}

static void add_delete(struct fuzz *f, struct bend *m)
{
	unsigned int proto = number(&f->in) % 4, i, n = number(&f->in) % 4;
	uint32_t spis[4];

	for (i = 0; i < n; i++)
		spis[i] = some_spi(f);
	bend_delete(m, (uint8_t)proto, spis, proto == PROTO_IKE ? 0 : n);
}

static void copy_payload(struct bend *m, unsigned int from, unsigned int to)
{
	struct buf b;

	buf_init(&b);
	buf_put_bytes(&b, buf_bytes(&m->pld[from].body));
	bend_insert(m, to, m->pld[from].type, m->pld[from].flags & 0x80, buf_bytes(&b));
	buf_free(&b);
}

static void bend_body(struct fuzz *f, struct bend *m, uint8_t how)
{
	struct bend_pld *pld;
	unsigned int at, v;

	if (!m->n)
		return;
	pld = &m->pld[number(&f->in) % m->n];
	at = number(&f->in);
	v = number(&f->in);
	switch (how) {
	case 0:
		if (pld->body.len)
			pld->body.p[at % pld->body.len] ^= (uint8_t)(v ? v : 1);
		break;
	case 1:
		if (pld->body.len)
			pld->body.len = at % pld->body.len;
		break;
	case 2:
		while (at--)
			buf_put_u8(&pld->body, (uint8_t)v);
		break;
	case 3:
		pld->type = (uint8_t)(at % 4 ? WIRE_PLD_SA + v % 21 : v);
		break;
	case 4:
		pld->flags = (uint8_t)v;
		break;
	case 5:
		if (pld->body.len > 1)
			buf_set_u16(&pld->body, at % (pld->body.len - 1), (uint16_t)v);
		break;
	}
}

static void bend_header(struct fuzz *f, struct bend *m)
{
	unsigned int what = number(&f->in) % 6, v = number(&f->in);

	switch (what) {
	case 0:
		m->hdr.exchange = (uint8_t)(WIRE_IKE_SA_INIT + v % 10);
		break;
	case 1:
		m->hdr.flags ^= (uint8_t)(v % 2 ? WIRE_FLAG_RESPONSE : v);
		break;
	case 2:
		m->hdr.msgid += v % 2 ? 1 : -1u;
		break;
	case 3:
		m->hdr.msgid = v * 0x01010101u;
		break;
	case 4:
		m->hdr.minor = v & 0xf;
		break;
	case 5:
		m->sealed = v & 1;
		break;
	}
}

static void bend_once(struct fuzz *f, struct bend *m)
{
	unsigned int how = octet(&f->in), i = 0, k = 0;
	static const uint8_t some[8];

	if (strchr("rcx", (int)how) && how && m->n) {
		i = number(&f->in) % m->n;
		k = number(&f->in) % m->n;
	} else if (how && strchr("rcx", (int)how)) {
		return;
	}
	if (m->n >= BEND_MAX - 1 && how != 'r')
		return;
	switch (how) {
	case 'r':
		bend_remove(m, &m->pld[i]);
		break;
	case 'c':
		copy_payload(m, i, k);
		break;
	case 'x': {
		struct bend_pld t = m->pld[i];

		m->pld[i] = m->pld[k];
		m->pld[k] = t;
		break;
	}
	case 'h':
		bend_header(f, m);
		break;
	case 'n':
		add_notify(f, m);
		break;
	case 'd':
		add_delete(f, m);
		break;
	case 'u':
		i = number(&f->in);
		bend_insert(m, i % (m->n + 1), (uint8_t)(54 + i), number(&f->in) & 1,
			    (struct bytes){ some, i % 8 });
		break;
	default:
		bend_body(f, m, how % 6);
	}
}

static void bend_many(struct fuzz *f, struct bend *m)
{
	unsigned int n = number(&f->in) % 4 + 1;

	while (n--)
		bend_once(f, m);
}

static void bend_queued(struct fuzz *f)
{
	struct packet *q = queued(f);
	static struct bend m;
	uint8_t *data;
	size_t len;

	if (!q)
		return;
	if (bend_open(f->w, q, &m)) {
		f->bent = true;
		bend_many(f, &m);
		if (bend_seal(f->w, &m, &data, &len)) {
			free(q->data);
			q->data = data;
			q->len = len;
		}
	}
	bend_free(&m);
}

/* the newest IKE SA that a node has keys of */
static struct ike_sa *with_keys(struct node *n)
{
	struct ike_sa *sa;

	for (sa = n->ike->sas; sa && !(sa->keys.prf_len && sa->spi_r); sa = sa->next)
		;
	return sa;
}

static void ask(struct fuzz *f)
{
	struct node *n = node(f);
	struct ike_sa *sa = with_keys(n);
	unsigned int how = number(&f->in);
	static struct bend m;
	struct packet p;

	if (!sa || f->w->n_queue >= QUEUE_MAX)
		return;
	f->bent = true;
	memset(&m, 0, sizeof(m));
	m.sealed = true;
	m.hdr = (struct wire_hdr){
		.spi_i = sa->spi_i, .spi_r = sa->spi_r, .major = 2,
		.exchange = (uint8_t)(WIRE_INFORMATIONAL - how % 4),
		/* also before others that the window has room for */
		.msgid = sa->next_out + how / 8 % IKE_WINDOW,
		.flags = (sa->initiator ? WIRE_FLAG_INITIATOR : 0) |
			 (how & 4 ? WIRE_FLAG_RESPONSE : 0),
	};
	bend_many(f, &m);
	p = (struct packet){ .from = sa->local, .to = sa->remote };
	if (bend_seal(f->w, &m, &p.data, &p.len)) {
		world_send(f->w, &p);
		free(p.data);
	}
	bend_free(&m);
}

/* by a stranger who has seen the SPIs */
static void unprotected(struct fuzz *f)
{
	struct node *n = node(f);
	struct ike_sa *sa = n->ike->sas;
	unsigned int how = number(&f->in);
	static struct bend m;
	struct packet p;

	if (!sa || f->w->n_queue >= QUEUE_MAX)
		return;
	memset(&m, 0, sizeof(m));
	m.hdr = (struct wire_hdr){
		.spi_i = sa->spi_i, .spi_r = sa->spi_r, .major = 2,
		.exchange = (uint8_t)(WIRE_IKE_SA_INIT + how % 4),
		.flags = (sa->initiator ? 0 : WIRE_FLAG_INITIATOR) |
			 (how & 4 ? 0 : WIRE_FLAG_RESPONSE),
		.msgid = how & 4 ? sa->next_in : sa->next_out,
	};
	add_notify(f, &m);
	p = (struct packet){ .from = sa->remote, .to = sa->local };
	if (bend_seal(f->w, &m, &p.data, &p.len)) {
		world_send(f->w, &p);
		free(p.data);
	}
	bend_free(&m);
}

/* ---- what both daemons are told ---- */

static void outcome(void *arg, const char *error)
{
	struct fuzz *f = arg;

	(void)error;
	f->told++;
	check(f->told <= f->asked);
}

static void up(struct fuzz *f, struct node *n)
{
	f->asked++;
	ike_up(n->ike, "p", NULL, outcome, f, f->w->now);
}

static void down(struct fuzz *f, struct node *n)
{
	f->asked++;
	ike_down(n->ike, "p", NULL, outcome, f, f->w->now);
}

static void acquire(struct fuzz *f)
{
	struct node *n = node(f);
	unsigned int host = number(&f->in) % 200 + 1;
	char a[40], b[40];

	snprintf(a, sizeof(a), f->how & HOW_TRANSPORT ? "192.0.2.1" : "10.1.0.%u", host);
	snprintf(b, sizeof(b), f->how & HOW_TRANSPORT ? "192.0.2.2" : "10.2.0.%u", host);
	if (n == &f->w->a)
		node_acquire(n, a, b);
	else
		node_acquire(n, b, a);
}

static void expire(struct fuzz *f, bool hard)
{
	struct node *n = node(f);
	struct fake_sa *s = node_newest(n, number(&f->in) & 1 ? NFIPSEC_DIR_IN : NFIPSEC_DIR_OUT);

	if (s)
		node_expire(n, s, hard);
}

static void mapping(struct fuzz *f)
{
	struct node *n = node(f);
	struct fake_sa *s = node_newest(n, NFIPSEC_DIR_IN);
	unsigned int port = number(&f->in);
	char addr[ADDR_STRLEN];

	if (!s || s->proto != IPPROTO_ESP)
		return;
	addr_str(&world_other(n)->addr, addr, sizeof(addr));
	node_mapping(n, s, addr, (uint16_t)(1024 + port));
}

static void refuse(struct fuzz *f)
{
	struct node *n = node(f);
	int *which = number(&f->in) & 1 ? &n->refuse_in : &n->refuse_out;

	*which = *which ? 0 : 12 /* ENOMEM */;
}

static void limits(struct fuzz *f)
{
	struct ike_limits l = f->limits;

	l.cookie_threshold = number(&f->in) % 4;
	l.half_open_max = 2 + number(&f->in) % 4;
	l.half_open_per_addr = 2 + number(&f->in) % 4;
	/* Peers that are there already stay. */
	if (f->w->a.ike->n_half_open <= l.half_open_max)
		ike_set_limits(f->w->a.ike, &l);
	if (f->w->b.ike->n_half_open <= l.half_open_max)
		ike_set_limits(f->w->b.ike, &l);
}

static void tick(struct fuzz *f, bool network)
{
	uint64_t ms = 1ull << number(&f->in) % 18;

	if (network) {
		world_run(f->w, ms);
		return;
	}
	f->w->now += ms;
	ike_tick(f->w->a.ike, f->w->now);
	ike_tick(f->w->b.ike, f->w->now);
}

static void step(struct fuzz *f, uint8_t op)
{
	struct world *w = f->w;
	struct node *n;

	switch (op) {
	case 'u': up(f, node(f)); break;
	case 'd': down(f, node(f)); break;
	case 'a': acquire(f); break;
	case 'x': expire(f, false); break;
	case 'h': expire(f, true); break;
	case 'r':
		n = node(f);
		load(f, n, number(&f->in) % 5);
		break;
	case 'R': node_restart(node(f)); break;
	case 'm': mapping(f); break;
	case 'f': refuse(f); break;
	case 'g': deliver_one(f); break;
	case 'G': world_deliver(w); break;
	case 'l': lose_one(f); break;
	case 'c': double_one(f); break;
	case 'b': bend_queued(f); break;
	case 'w': flip(f); break;
	case 'o': once_more(f); break;
	case 'q': ask(f); break;
	case 's': unprotected(f); break;
	case 't': tick(f, false); break;
	case 'T': tick(f, true); break;
	case 'n': w->cut = !w->cut; break;
	case 'j': w->defer_jobs = !w->defer_jobs; break;
	case 'J': world_jobs(w); break;
	case 'v': limits(f); break;
	default: return;
	}
	check_node(&w->a);
	check_node(&w->b);
}

/* ---- a run ---- */

static void calm(struct fuzz *f)
{
	struct world *w = f->w;
	struct node *n[2] = { &w->a, &w->b };
	unsigned int i;

	w->cut = w->defer_jobs = false;
	for (i = 0; i < 2; i++) {
		n[i]->refuse_in = n[i]->refuse_out = 0;
		ike_set_limits(n[i]->ike, &f->limits);
	}
	world_jobs(w);
}

static void settle(struct fuzz *f)
{
	struct world *w = f->w;

	calm(f);
	world_run(w, SETTLE_MS);
	check_node(&w->a);
	check_node(&w->b);
	check(!w->a.ike->n_half_open && !w->b.ike->n_half_open);
	if (!f->bent) {
		check_all_installed(&w->a);
		check_all_installed(&w->b);
	}
	down(f, &w->a);
	down(f, &w->b);
	world_run(w, SETTLE_MS);
	check(f->asked == f->told);
	world_nothing_left(w);
	load(f, &w->a, 0);
	load(f, &w->b, 0);
	world_run(w, SETTLE_MS);
	up(f, &w->a);
	world_run(w, 5000);
	check(f->asked == f->told);
	check(node_sas(&w->a) == 2 && node_sas(&w->b) == 2);
	world_check_pairs(w);
}

static void usual_limits(struct ike_limits *l)
{
	*l = (struct ike_limits){ .cookie_threshold = 10, .half_open_max = 100,
				  .half_open_per_addr = 100, .inits_per_addr = 1000,
				  .unauthenticated_jobs_max = 256,
				  .retrans_tries = 5, .retrans_first = 1000, .children_max = 50,
				  .sas_of_id_max = 5 };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { .in = { data, data + size } };
	struct world_conf a, b;
	unsigned int i;

	if (!size)
		return 0;
	random_state = 1;
	/* A world that reloads frees its configurations, so that stale pointers are found. */
	world_thrift(!memchr(data, 'r', size));
	f.how = number(&f.in);
	usual_limits(&f.limits);
	conf_of(&f, true, 0, &a);
	conf_of(&f, false, 0, &b);
	f.w = world_new(&a, &b);
	f.w->filter = f.how & HOW_NAT ? nat : limited;
	calm(&f);
	for (i = 0; i < OPS_MAX && f.in.p < f.in.end; i++)
		step(&f, octet(&f.in));
	settle(&f);
	world_free(f.w);
	check(f.asked == f.told);
	return 0;
}

/* a run frees all that it had, so neither long histories nor much quarantine tell more */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "malloc_context_size=8:quarantine_size_mb=16";
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* an assertion of the world ends the process and not a test */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	return 0;
}
