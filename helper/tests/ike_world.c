// SPDX-License-Identifier: GPL-2.0
/* The world that two IKE cores live in: see ike_world.h. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>
#include <linux/rtnetlink.h>

#include "core/log.h"
#include "crypto/crypto.h"
#include "ike/core.h"
#include "ike_world.h"

struct node *world_other(struct node *n)
{
	return n == &n->w->a ? &n->w->b : &n->w->a;
}

/* ---- the network ---- */

static void packet_copy(struct packet *to, const struct packet *p)
{
	*to = *p;
	to->data = malloc(p->len ? p->len : 1);
	memcpy(to->data, p->data, p->len);
}

static void enqueue(struct world *w, const struct packet *p)
{
	assert_true(w->n_queue < WORLD_PACKETS);
	packet_copy(&w->queue[w->n_queue], p);
	w->queue[w->n_queue++].at = w->now + w->trip + (w->delay ? world_random(w, w->delay) : 0);
}

unsigned int world_random(struct world *w, unsigned int below)
{
	w->seed = w->seed * 1664525 + 1013904223;
	return (w->seed >> 8) % below;
}

void world_send(struct world *w, const struct packet *p)
{
	enqueue(w, p);
}

static void op_send(const struct egress *by, const struct endpoint *local,
		    const struct endpoint *remote, struct bytes msg, void *user)
{
	struct node *n = user;
	struct world *w = n->w;
	struct packet p = { .from = *local, .to = *remote, .by = *by, .data = (uint8_t *)msg.p,
			    .len = msg.len };
	unsigned int copies = 1, i;

	if (n->crashing)
		return;
	n->sent++;
	if (n->n_log < WORLD_PACKETS)
		packet_copy(&n->log[n->n_log++], &p);
	if (w->filter)
		copies = w->filter(w, &p, w->n_packets);
	w->n_packets++;
	for (i = 0; i < copies && !w->cut; i++)
		enqueue(w, &p);
}

static struct packet take(struct world *w, unsigned int i)
{
	struct packet p = w->queue[i];

	memmove(w->queue + i, w->queue + i + 1, (--w->n_queue - i) * sizeof(p));
	return p;
}

static bool has_addr(const struct node *n, const struct addr *a)
{
	return addr_equal(a, &n->addr) || (n->also.family && addr_equal(a, &n->also));
}

static void arrive(struct world *w, struct packet p)
{
	struct node *n = has_addr(&w->a, &p.to.addr) ? &w->a :
			 has_addr(&w->b, &p.to.addr) ? &w->b : NULL;

	if (n && !addr_equal(&p.to.addr, &w->dead))
		ike_input(n->ike, &p.to, &p.from, (struct bytes){ p.data, p.len }, w->now);
	free(p.data);
}

/* the place in the queue of what is due first; n_queue: nothing is */
static unsigned int next_due(const struct world *w, uint64_t now)
{
	unsigned int i, best = w->n_queue;

	for (i = 0; i < w->n_queue; i++)
		if (w->queue[i].at <= now &&
		    (best == w->n_queue || w->queue[i].at < w->queue[best].at ||
		     (w->lifo && w->queue[i].at == w->queue[best].at)))
			best = i;
	return best;
}

void world_deliver(struct world *w)
{
	unsigned int i;

	while ((i = next_due(w, w->now)) < w->n_queue)
		arrive(w, take(w, i));
}

static unsigned int oldest_of(const struct world *w, const struct node *from)
{
	unsigned int i;

	for (i = 0; i < w->n_queue; i++)
		if (addr_equal(&w->queue[i].from.addr, &from->addr))
			return i;
	assert_true(false);
	return 0;
}

void world_step(struct world *w, struct node *from)
{
	arrive(w, take(w, oldest_of(w, from)));
}

void world_lose(struct world *w, struct node *from)
{
	free(take(w, oldest_of(w, from)).data);
}

unsigned int world_sent(const struct world *w, const struct node *from)
{
	unsigned int i, n = 0;

	for (i = 0; i < w->n_queue; i++)
		n += addr_equal(&w->queue[i].from.addr, &from->addr);
	return n;
}

void world_run(struct world *w, uint64_t ms)
{
	uint64_t end = w->now + ms, next;
	unsigned int due;

	for (;;) {
		world_deliver(w);
		next = ike_next(w->a.ike);
		if (ike_next(w->b.ike) < next)
			next = ike_next(w->b.ike);
		due = next_due(w, UINT64_MAX);
		if (due < w->n_queue && w->queue[due].at < next)
			next = w->queue[due].at;
		if (next > end)
			break;
		if (next > w->now)
			w->now = next;
		ike_tick(w->a.ike, w->now);
		ike_tick(w->b.ike, w->now);
	}
	w->now = end;
	ike_tick(w->a.ike, w->now);
	ike_tick(w->b.ike, w->now);
	world_deliver(w);
}

/* ---- the module ---- */

static struct fake_sa *find_sa(struct node *n, const struct kern_sa *sa)
{
	struct fake_sa *f;

	for (f = n->sas; f < n->sas + n->room; f++)
		if (f->used && f->spi == sa->spi && f->dir == sa->dir && f->proto == sa->proto &&
		    addr_equal(&f->local, &sa->local) && addr_equal(&f->remote, &sa->remote))
			return f;
	return NULL;
}

bool node_awaits(const struct node *n, uint32_t spi)
{
	unsigned int i;

	for (i = 0; i < WORLD_SAS; i++)
		if (spi && n->awaited[i] == spi)
			return true;
	return false;
}

static void end_await(struct node *n, uint32_t spi)
{
	unsigned int i;

	for (i = 0; i < WORLD_SAS; i++)
		if (n->awaited[i] == spi)
			n->awaited[i] = 0;
}

static int op_spi_await(const struct kern_sa *sa, bool on, void *user)
{
	struct node *n = user;
	unsigned int i;

	assert_int_equal(sa->dir, NFIPSEC_DIR_IN);
	assert_true(sa->proto == IPPROTO_ESP || sa->proto == IPPROTO_AH);
	assert_true(sa->spi > 255);
	if (n->refuse_await)
		return -n->refuse_await;
	/* each is announced once, and what is ended was announced */
	assert_true(n->crashing || node_awaits(n, sa->spi) != on);
	end_await(n, sa->spi);
	for (i = 0; on && n->awaited[i]; i++)
		assert_true(i < WORLD_SAS - 1);
	if (on)
		n->awaited[i] = sa->spi;
	return 0;
}

static bool can_open(const struct node *n, const struct fake_sa *out)
{
	const struct fake_sa *f;

	/* the module queues the packet, and opens it when the SA is there */
	if (node_awaits(n, out->spi))
		return true;
	for (f = n->sas; f < n->sas + n->room; f++)
		if (f->used && f->dir == NFIPSEC_DIR_IN && f->spi == out->spi &&
		    f->proto == out->proto)
			return true;
	return false;
}

/* after each change in a module: what is sent can be opened, and something can be sent */
static void watch(struct world *w)
{
	struct node *ends[] = { &w->a, &w->b };
	const struct fake_sa *f;
	unsigned int i, n;

	for (i = 0; w->strict && i < 2; i++) {
		for (n = 0, f = ends[i]->sas; f < ends[i]->sas + ends[i]->room; f++) {
			if (!f->used || f->dir != NFIPSEC_DIR_OUT)
				continue;
			assert_true(can_open(world_other(ends[i]), f));
			n++;
		}
		assert_true(n > 0);
	}
}

static void op_keepalive(const struct egress *by, const struct endpoint *local,
			 const struct endpoint *remote, void *user)
{
	struct node *n = user;

	assert_int_equal(local->port, 4500);
	assert_true(remote->port != 500);
	n->keepalives++;
	n->keepalive_by = *by;
}

/*
 * No SA is in the module before the peer is authenticated: whoever answers IKE_SA_INIT knows
 * the keys. Each test of each world checks this.
 */
static void assert_authenticated(const struct node *n, const struct kern_sa *sa)
{
	const struct ike_child *child;
	const struct ike_sa *s;

	for (s = n->ike->sas; s; s = s->next)
		for (child = s->children; child; child = child->next) {
			if (strcmp(child->name, sa->tunnel) ||
			    sa->spi != (sa->dir == NFIPSEC_DIR_IN ? child->spi_in : child->spi_out))
				continue;
			if (s->state >= IKE_STATE_ESTABLISHED && s->their_auth_info.how[0])
				return;
			fail_msg("%s installs an SA for %s in IKE state %d, whose peer is not authenticated",
				 n->name, sa->tunnel, s->state);
		}
	fail_msg("%s installs an SA of no CHILD SA for %s", n->name, sa->tunnel);
}

static int op_sa_add(const struct kern_sa *sa, void *user)
{
	struct node *n = user;
	struct fake_sa *f;
	unsigned int i;
	int refuse = sa->dir == NFIPSEC_DIR_IN ? n->refuse_in : n->refuse_out;

	assert_authenticated(n, sa);
	assert_true(sa->proto == IPPROTO_ESP || sa->proto == IPPROTO_AH);
	assert_true((sa->proto == IPPROTO_AH) == !sa->encr);
	/* no AH in UDP */
	assert_true(sa->proto == IPPROTO_ESP || !sa->encap_local);
	assert_int_equal(sa->local.family, sa->remote.family);
	assert_true(sa->spi > 255);
	assert_true(sa->n_sels > 0 && sa->n_sels <= KERN_SEL_MAX);
	assert_true(has_addr(n, &sa->local));
	if (refuse)
		return -refuse;
	if (find_sa(n, sa))
		return -EEXIST;
	for (f = n->sas; f->used; f++)
		assert_true(f < n->sas + n->room - 1);
	*f = (struct fake_sa){ .used = true, .proto = sa->proto, .mode = sa->mode, .dir = sa->dir,
			        .spi = sa->spi, .local = sa->local,
			       .remote = sa->remote, .encr = sa->encr, .integ = sa->integ,
			       .encap_local = sa->encap_local, .encap_remote = sa->encap_remote,
			       .orig_local = sa->orig_local, .orig_remote = sa->orig_remote,
			       .esn = sa->esn, .n_sels = sa->n_sels, .added = n->w->now,
			       .soft_seconds = sa->soft_seconds, .hard_seconds = sa->hard_seconds,
			       .hard_bytes = sa->hard_bytes, .soft_bytes = sa->soft_bytes,
			       .replay_window = sa->replay_window,
			       .last = n->w->now };
	memcpy(f->tunnel, sa->tunnel, sizeof(f->tunnel));
	memcpy(f->encr_key, sa->encr_key.p, sa->encr_key.len);
	memcpy(f->integ_key, sa->integ_key.p, sa->integ_key.len);
	if (sa->dir == NFIPSEC_DIR_IN)
		end_await(n, sa->spi);
	f->encr_key_len = sa->encr_key.len;
	f->integ_key_len = sa->integ_key.len;
	for (i = 0; i < sa->n_sels; i++)
		f->sels[i] = sa->sels[i];
	watch(n->w);
	return 0;
}

static int op_sa_del(const struct kern_sa *sa, void *user)
{
	struct fake_sa *f = find_sa(user, sa);
	const struct node *n = user;

	if (n->crashing)
		return 0;
	if (!f)
		return -ENOENT;
	f->used = false;
	watch(((struct node *)user)->w);
	return 0;
}

static int op_sa_move(const struct kern_sa *sa, const struct kern_ends *to, void *user)
{
	struct fake_sa *f = find_sa(user, sa);
	struct node *n = user;

	if (!f)
		return -ENOENT;
	/* the module takes ports for what is in UDP, and one family */
	assert_int_equal(!f->encap_local, !to->local_port);
	assert_int_equal(f->local.family, to->local.family);
	assert_int_equal(f->local.family, to->remote.family);
	f->local = to->local;
	f->remote = to->remote;
	f->encap_local = to->local_port;
	f->encap_remote = to->remote_port;
	n->moves++;
	return 0;
}

static void op_tfc(const char *tunnel, bool allowed, void *user)
{
	struct node *n = user;

	assert_string_equal(tunnel, "p/t");
	n->tfc_told = true;
	n->tfc_allowed = allowed;
}

static int op_sa_get(struct kern_sa *sa, void *user)
{
	struct node *n = user;
	struct fake_sa *f = find_sa(n, sa);

	if (!f)
		return -ENOENT;
	sa->packets = f->packets;
	sa->idle = (n->w->now - f->last) / 1000;
	sa->age = (n->w->now - f->added) / 1000;
	return 0;
}

/* ---- the rest of a daemon ---- */

static void op_job(const struct ike_job *job, void *user)
{
	struct node *n = user;
	struct world *w = n->w;

	if (w->job) {
		w->job(job, n);
		return;
	}
	if (w->defer_jobs) {
		assert_true(w->n_jobs < 64);
		w->jobs[w->n_jobs++] = job;
		return;
	}
	job->run(job->arg);
	job->done(job->arg);
}

void world_jobs(struct world *w)
{
	while (w->n_jobs) {
		const struct ike_job *job = w->jobs[0];

		memmove(w->jobs, w->jobs + 1, --w->n_jobs * sizeof(job));
		job->run(job->arg);
		job->done(job->arg);
	}
}

static bool verbose;

static void op_event(const struct ike_event *ev, void *user)
{
	struct node *n = user;
	struct line *l;

	if (verbose)
		fprintf(stderr, "%8llu %s [%d] %s/%s: %s\n", (unsigned long long)n->w->now, n->name,
			ev->type, ev->peer ? ev->peer : "", ev->tunnel ? ev->tunnel : "", ev->text);
	n->n_events[ev->type]++;
	n->n_loud += ev->type == IKE_EVENT_ERROR && !ev->quiet;
	if (!n->lines || n->n_lines == WORLD_LINES)
		return;
	l = &n->lines[n->n_lines++];
	l->type = ev->type;
	snprintf(l->peer, sizeof(l->peer), "%s", ev->peer ? ev->peer : "");
	snprintf(l->tunnel, sizeof(l->tunnel), "%s", ev->tunnel ? ev->tunnel : "");
	snprintf(l->text, sizeof(l->text), "%s", ev->text);
}

static enum ike_revocation op_revocation(struct gnutls_x509_crt_int *const *chain, unsigned int n,
					 enum conf_revocation mode, uint64_t since,
					 time_t *until, char *why, size_t why_len, void *user)
{
	struct node *node = user;

	assert_non_null(chain[0]);
	assert_int_not_equal(mode, CONF_REVOCATION_OFF);
	if (node->w->revocation)
		return node->w->revocation(chain, n, mode, since, until, why, why_len, node);
	node->revocation_asked++;
	*until = node->revocation_until;
	node->revocation_chain = n;
	if (node->revoked)
		snprintf(why, why_len, "it is revoked");
	return node->revoked ? IKE_REVOCATION_BAD : IKE_REVOCATION_GOOD;
}

static bool op_local_addr(const struct egress *by, const struct addr *remote, struct addr *local,
			  void *user)
{
	struct node *n = user;

	(void)remote;
	n->looked_up_by = *by;
	*local = n->addr;
	return true;
}

static bool op_is_local(const struct addr *addr, void *user)
{
	const struct node *n = user;
	char text[ADDR_STRLEN];

	addr_str(addr, text, sizeof(text));
	/* the addresses of names are the peers', but for its own */
	if (n->w->names && strstr(n->w->names, text) &&
	    strcmp(text, n == &n->w->a ? "192.0.2.1" : "192.0.2.2"))
		return false;
	return !n->not_local;
}

/* finds "name=addr,addr" among the names of the world */
static unsigned int op_resolve(const char *name, uint8_t family, struct addr *out,
			       unsigned int max, char *err, size_t err_len, void *user)
{
	struct node *n = user;
	const char *at = n->w->names ? strstr(n->w->names, name) : NULL;
	char one[ADDR_STRLEN];
	unsigned int found = 0;
	size_t len;

	n->n_lookups++;
	snprintf(n->last_lookup, sizeof(n->last_lookup), "%s", name);
	snprintf(err, err_len, "Name or service not known");
	for (at = at ? at + strlen(name) : ""; *at == '=' || *at == ','; at += len) {
		len = strcspn(++at, ", ");
		snprintf(one, sizeof(one), "%.*s", (int)len, at);
		assert_true(found < max && addr_parse(one, &out[found]));
		found += !family || out[found].family == family;
	}
	return found;
}

static struct route_entry *find_route(struct node *n, const struct route_entry *e)
{
	unsigned int i;

	for (i = 0; i < n->n_routes; i++)
		if (addr_equal(&n->routes[i].dst, &e->dst) && n->routes[i].table == e->table &&
		    n->routes[i].prefix_len == e->prefix_len)
			return &n->routes[i];
	return NULL;
}

static int op_route(const struct route_entry *e, enum route_change how, void *user)
{
	struct node *n = user;
	struct route_entry *old = find_route(n, e);

	if (n->crashing)
		return 0;
	/* a route is removed only while it is there, so none is removed twice */
	assert_true(old || how == ROUTE_ADD);
	if (how == ROUTE_DEL)
		*old = n->routes[--n->n_routes];
	else if (how == ROUTE_REPLACE)
		*old = *e;
	else if (n->refuse_route || old)
		return n->refuse_route ? -n->refuse_route : -EEXIST;
	else if (n->n_routes < WORLD_ROUTES)
		n->routes[n->n_routes++] = *e;
	n->n_route_changes++;
	return 0;
}

static void op_updown(const char *tunnel, const char *command, struct bytes env, void *user)
{
	struct node *n = user;
	const char *p = (const char *)env.p;
	char *line;

	if (n->crashing)
		return;
	assert_true(env.len && !env.p[env.len - 1]);
	if (n->n_updowns++ >= WORLD_UPDOWNS)
		return;
	line = n->updowns[n->n_updowns - 1];
	snprintf(line, sizeof(n->updowns[0]), "%s %s", tunnel, command);
	for (; p < (const char *)env.p + env.len; p += strlen(p) + 1)
		snprintf(line + strlen(line), sizeof(n->updowns[0]) - strlen(line), " %s", p);
}

bool node_has_route(const struct node *n, const char *route)
{
	char text[256], net[TS_STRLEN], source[ADDR_STRLEN], table[24] = "";
	const struct route_entry *e;
	struct ts ts;

	for (e = n->routes; e < n->routes + n->n_routes; e++) {
		ts_from_prefix(&e->dst, e->prefix_len, &ts);
		if (e->table != RT_TABLE_MAIN)
			snprintf(table, sizeof(table), " table %u", e->table);
		snprintf(text, sizeof(text), "%s%s%s%s", ts_str(&ts, net, sizeof(net)), table,
			 e->source.family ? " source " : "",
			 e->source.family ? addr_str(&e->source, source, sizeof(source)) : "");
		if (!strcmp(text, route))
			return true;
	}
	return false;
}

/* the world's time passes by world_run() */
static time_t op_wall(void *user)
{
	const struct world *w = ((struct node *)user)->w;

	return w->started + w->now / 1000;
}

static const struct ike_ops ops = {
	.wall = op_wall, .resolve = op_resolve, .is_local = op_is_local, .route = op_route,
	.updown = op_updown,
	.send = op_send, .sa_add = op_sa_add, .sa_del = op_sa_del, .sa_get = op_sa_get,
	.sa_move = op_sa_move, .tfc = op_tfc, .spi_await = op_spi_await,
	.revocation = op_revocation,
	.keepalive = op_keepalive, .job = op_job, .event = op_event, .local_addr = op_local_addr,
};

/* ---- configurations ---- */

#define OR(x, y) ((x) ? (x) : (y))

#define KEPT_MAX	4096	/* a power of two */
#define KEPT_TRIES	8

static unsigned int room = WORLD_SAS;
static bool thrift, keep_confs;
static struct kept_conf {
	char *key;
	struct conf *conf;
} kept_confs[KEPT_MAX];
/* of the nodes of a world that is gone */
static struct spare {
	struct fake_sa *sas;
	struct packet *log;
} spares[2];

void world_room(unsigned int sas)
{
	room = sas;
}

void world_thrift(bool confs)
{
	thrift = true;
	keep_confs = confs;
}

/* its place, or one for it that is empty; NULL: there is none. A node never loads the one it has. */
static struct kept_conf *kept_conf(const struct node *n, const char *key)
{
	uint32_t h = 2166136261u;
	struct kept_conf *k;
	unsigned int i;
	const char *p;

	for (p = key; *p; p++)
		h = (h ^ (uint8_t)*p) * 16777619u;
	for (i = 0; i < KEPT_TRIES; i++) {
		k = &kept_confs[(h + i) % KEPT_MAX];
		if (!k->conf || (k->conf != n->conf && !strcmp(k->key, key)))
			return k;
	}
	return NULL;
}

static struct conf *parse_conf(const char *text, const char *path, const char *secret,
			       const char *certs)
{
	struct conf_error err = { .text = "" };
	struct conf *conf;

	conf = conf_parse(text, strlen(text), path, &err);
	if (!conf) {
		fprintf(stderr, "%s\n%s\n", err.text, text);
		return NULL;
	}
	if (!conf_secrets_parse(conf, secret, strlen(secret), "secrets", &err))
		fprintf(stderr, "%s\n", err.text);
	if (certs && !conf_certs_load(conf, &err)) {
		fprintf(stderr, "%s\n", err.text);
		conf_free(conf);
		return NULL;
	}
	return conf;
}

static struct conf *keep_or_parse(struct node *n, const char *text, const char *path,
				  const char *secret, const char *certs)
{
	struct kept_conf *k = NULL;
	char key[6144];

	if (keep_confs) {
		snprintf(key, sizeof(key), "%s %s %s %s", path, OR(certs, ""), secret, text);
		k = kept_conf(n, key);
	}
	n->conf_kept = k != NULL;
	if (!k)
		return parse_conf(text, path, secret, certs);
	if (!k->conf) {
		k->conf = parse_conf(text, path, secret, certs);
		k->key = strdup(key);
	}
	return k->conf;
}

static struct conf *make_conf(struct node *n, const struct world_conf *c)
{
	bool is_a = n == &n->w->a;
	const char *id = OR(c->id, is_a ? "a.example.com" : "b.example.com");
	const char *other = OR(c->remote_id, is_a ? "b.example.com" : "a.example.com");
	const char *entries = OR(c->entries, is_a ? "10 protect ip from 10.1.0.0/16 to 10.2.0.0/16" :
					     "10 protect ip from 10.2.0.0/16 to 10.1.0.0/16");
	char path[512], *text, secret[512], us[ADDR_STRLEN], them[ADDR_STRLEN];
	struct conf *conf;

	addr_str(&n->addr, us, sizeof(us));
	addr_str(&world_other(n)->addr, them, sizeof(them));
	assert_true(asprintf(&text,
		 "access-list l {\n%s\n}\n"
		 "peer p {\n ike-version 2\n local address %s%s%s\n"
		 " remote address %s%s%s\n auth %s\n ike %s\n%s\n%s"
		 " tunnel t {\n access-list l\n %s %s\n mode %s\n start %s\n%s\n }\n}\n",
		 entries, us, c->addr_ids ? "" : " id fqdn ", c->addr_ids ? "" : id,
		 OR(c->remote, them), strcmp(other, "any") && !c->addr_ids ? " id fqdn " : "",
		 strcmp(other, "any") && !c->addr_ids ? other : "",
		 OR(c->auth, "psk"), OR(c->ike, "aes128gcm16-prfsha256-x25519"), OR(c->extra_peer, ""),
		 OR(c->tunnels, ""), c->ah ? "ah" : "esp", OR(c->ah, OR(c->esp, "aes128gcm16")),
		 OR(c->mode, "tunnel"), OR(c->start, "on-traffic"),
		 OR(c->extra_tunnel, "")) > 0);
	snprintf(path, sizeof(path), "%s%s%s", OR(c->certs, ""), c->certs ? "/" : "", n->name);
	snprintf(secret, sizeof(secret), "psk %s any \"%s\"\n", c->addr_ids ? us : id, OR(c->psk, "secret"));
	conf = keep_or_parse(n, text, path, secret, c->certs);
	free(text);
	return conf;
}

void world_load(struct node *n, const struct world_conf *c)
{
	static const struct world_conf usual;
	bool old_kept = n->conf_kept;
	struct conf *conf = make_conf(n, c ? c : &usual), *old = n->conf;

	assert_non_null(conf);
	n->conf = conf;
	ike_set_conf(n->ike, conf, n->w->now);
	if (!old_kept)
		conf_free(old);
}

static void node_init(struct world *w, struct node *n, const char *name, const char *addr)
{
	struct spare *s = &spares[n == &w->b];

	n->w = w;
	n->name = name;
	addr_parse(addr, &n->addr);
	if (!thrift)
		n->lines = calloc(WORLD_LINES, sizeof(*n->lines));
	n->room = room;
	n->sas = s->sas ? s->sas : calloc(room, sizeof(*n->sas));
	n->log = s->log ? s->log : calloc(WORLD_PACKETS, sizeof(*n->log));
	*s = (struct spare){ NULL, NULL };
	n->ike = ike_new(&ops, n);
	assert_non_null(n->ike);
}

static void no_log(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(void)arg;
}

/* the self-test of the libraries takes longer than most tests: once */
static void init_once(void)
{
	static bool done;

	if (!done)
		assert_true(crypto_init());
	done = true;
	verbose = getenv("IKE_WORLD_VERBOSE") != NULL;
}

struct world *world_new(const struct world_conf *a, const struct world_conf *b)
{
	struct world *w = calloc(1, sizeof(*w));

	init_once();
	log_set_sink(no_log, NULL);
	w->now = 1000000;
	w->started = time(NULL) - w->now / 1000;
	node_init(w, &w->a, "a", a && a->six ? "2001:db8::1" : "192.0.2.1");
	node_init(w, &w->b, "b", a && a->six ? "2001:db8::2" : "192.0.2.2");
	world_load(&w->a, a);
	world_load(&w->b, b);
	return w;
}

void node_restart(struct node *n)
{
	ike_free(n->ike);
	n->ike = ike_new(&ops, n);
	assert_non_null(n->ike);
	ike_set_conf(n->ike, n->conf, n->w->now);
}

void node_crash(struct node *n)
{
	buf_free(&n->memo);
	buf_init(&n->memo);
	assert_true(ike_remember(n->ike, &n->memo));
	n->crashing = true;
	ike_free(n->ike);
	n->crashing = false;
	n->ike = ike_new(&ops, n);
	assert_non_null(n->ike);
}

static void adopt(struct node *n, const struct fake_sa *f)
{
	struct kern_sa *sa = calloc(1, sizeof(*sa));

	sa->proto = f->proto;
	sa->spi = f->spi;
	sa->dir = f->dir;
	sa->mode = f->mode;
	memcpy(sa->tunnel, f->tunnel, sizeof(sa->tunnel));
	sa->local = f->local;
	sa->remote = f->remote;
	sa->encr = f->encr;
	sa->integ = f->integ;
	sa->encap_local = f->encap_local;
	sa->encap_remote = f->encap_remote;
	sa->orig_local = f->orig_local;
	sa->orig_remote = f->orig_remote;
	sa->esn = f->esn;
	sa->replay_window = f->replay_window;
	sa->n_sels = f->n_sels;
	memcpy(sa->sels, f->sels, sizeof(f->sels));
	sa->soft_seconds = f->soft_seconds;
	sa->hard_seconds = f->hard_seconds;
	sa->soft_bytes = f->soft_bytes;
	sa->hard_bytes = f->hard_bytes;
	ike_adopt(n->ike, sa);
	free(sa);
}

void node_adopt(struct node *n)
{
	unsigned int i;

	if (n->memo.len)
		assert_true(ike_recall(n->ike, buf_bytes(&n->memo)));
	for (i = 0; i < n->room; i++)
		if (n->sas[i].used)
			adopt(n, &n->sas[i]);
	for (i = 0; i < n->n_routes; i++)
		ike_route_left(n->ike, &n->routes[i]);
	ike_set_conf(n->ike, n->conf, n->w->now);
}

static void node_free(struct node *n)
{
	unsigned int i;

	ike_free(n->ike);
	n->ike = NULL;
	buf_free(&n->memo);
	assert_int_equal(node_sas(n), 0);
	assert_int_equal(node_awaited(n), 0);
	assert_int_equal(n->n_routes, 0);
	if (!n->conf_kept)
		conf_free(n->conf);
	for (i = 0; i < n->n_log; i++)
		free(n->log[i].data);
	if (thrift) {
		spares[n == &n->w->b] = (struct spare){ n->sas, n->log };
	} else {
		free(n->sas);
		free(n->log);
	}
	free(n->lines);
}

void world_free(struct world *w)
{
	unsigned int i;

	world_jobs(w);
	node_free(&w->a);
	node_free(&w->b);
	for (i = 0; i < w->n_queue; i++)
		free(w->queue[i].data);
	free(w);
}

/* ---- what is done and seen ---- */

static void up_waiter(void *arg, const char *error)
{
	struct node *n = arg;

	assert_false(n->up_done);
	n->up_done = true;
	snprintf(n->up_error, sizeof(n->up_error), "%s", error ? error : "");
}

static void down_waiter(void *arg, const char *error)
{
	struct node *n = arg;

	n->down_done = true;
	assert_null(error);
}

void node_up(struct node *n, const char *tunnel)
{
	n->up_done = false;
	n->up_error[0] = '\0';
	ike_up(n->ike, "p", tunnel, up_waiter, n, n->w->now);
}

void node_down(struct node *n, const char *tunnel)
{
	n->down_done = false;
	ike_down(n->ike, "p", tunnel, down_waiter, n, n->w->now);
}

/* the entry that has the packet, as the module would say */
static uint32_t entry_number(const struct node *n, const struct kern_flow *flow)
{
	const struct conf_list *list = &n->conf->lists[0];
	const struct conf_entry *e;
	struct ts src, dst;

	ts_from_prefix(&flow->src, 8 * addr_len(&flow->src), &src);
	ts_from_prefix(&flow->dst, 8 * addr_len(&flow->dst), &dst);
	src.proto = dst.proto = flow->proto;
	for (e = list->entries; e < list->entries + list->n; e++)
		if (ts_contains(&e->src, &src) && ts_contains(&e->dst, &dst))
			return e->number;
	return list->entries[0].number;
}

void node_acquire(struct node *n, const char *src, const char *dst)
{
	struct kern_flow flow = { .dir = NFIPSEC_DIR_OUT, .proto = IPPROTO_ICMP };

	strcpy(flow.tunnel, "p/t");
	strcpy(flow.list, "l");
	assert_true(addr_parse(src, &flow.src) && addr_parse(dst, &flow.dst));
	flow.number = entry_number(n, &flow);
	ike_acquire(n->ike, &flow, n->w->now);
}

static bool lingers(const struct node *n, const struct fake_sa *f)
{
	return f->dir == NFIPSEC_DIR_IN && ike_lingers(n->ike, f->spi);
}

unsigned int node_lingering(const struct node *n)
{
	unsigned int i, sum = 0;

	for (i = 0; n->ike && i < n->room; i++)
		sum += n->sas[i].used && lingers(n, &n->sas[i]);
	return sum;
}

unsigned int node_awaited(const struct node *n)
{
	unsigned int i, sum = 0;

	for (i = 0; i < WORLD_SAS; i++)
		sum += n->awaited[i] != 0;
	return sum;
}

unsigned int node_sas(const struct node *n)
{
	unsigned int i, sum = 0;

	for (i = 0; i < n->room; i++)
		sum += n->sas[i].used;
	return sum - node_lingering(n);
}

unsigned int node_count(const struct node *n, enum ike_event_type type)
{
	return n->n_events[type];
}

const struct line *node_line(const struct node *n, enum ike_event_type type, const char *part)
{
	unsigned int i;

	for (i = 0; i < n->n_lines; i++)
		if (n->lines[i].type == type && strstr(n->lines[i].text, part))
			return &n->lines[i];
	return NULL;
}

void node_mapping(struct node *n, struct fake_sa *f, const char *from, uint16_t port)
{
	struct kern_ends ends = { .local = n->addr, .local_port = 4500, .remote_port = port };
	struct kern_sa *sa = calloc(1, sizeof(*sa));

	sa->proto = f->proto;
	sa->spi = f->spi;
	sa->dir = f->dir;
	sa->local = f->local;
	sa->remote = f->remote;
	memcpy(sa->tunnel, f->tunnel, sizeof(sa->tunnel));
	assert_true(addr_parse(from, &ends.remote));
	ike_mapping(n->ike, sa, &ends, n->w->now);
	free(sa);
}

void node_expire(struct node *n, struct fake_sa *f, bool hard)
{
	struct kern_sa sa = { .proto = f->proto, .spi = f->spi, .dir = f->dir,
			      .local = f->local, .remote = f->remote, .expired_hard = hard };

	memcpy(sa.tunnel, f->tunnel, sizeof(sa.tunnel));
	if (hard)
		f->used = false;
	ike_expire(n->ike, &sa, n->w->now);
}

struct fake_sa *node_newest(struct node *n, uint8_t dir)
{
	struct fake_sa *f, *best = NULL;

	for (f = n->sas; f < n->sas + n->room; f++)
		if (f->used && f->dir == dir && !lingers(n, f) && (!best || f->added > best->added))
			best = f;
	return best;
}

uint64_t node_counter(const struct node *n, const char *name)
{
	json_t *show = ike_show(n->ike, n->w->now);
	uint64_t v = json_integer_value(json_object_get(json_object_get(show, "ike"), name));

	json_decref(show);
	return v;
}

unsigned int node_ike_sas(const struct node *n, const char *state)
{
	json_t *show = ike_show(n->ike, n->w->now), *peer, *sa;
	unsigned int sum = 0;
	size_t i, k;

	assert_non_null(show);
	json_array_foreach(json_object_get(show, "peers"), i, peer)
		json_array_foreach(json_object_get(peer, "ike_sas"), k, sa)
			sum += !state || !strcmp(state, json_string_value(json_object_get(sa,
											  "state")));
	json_decref(show);
	return sum;
}

static void check_pair(struct node *from, struct node *to)
{
	struct fake_sa *out, *in;
	unsigned int i;

	for (out = from->sas; out < from->sas + from->room; out++) {
		if (!out->used || out->dir != NFIPSEC_DIR_OUT)
			continue;
		for (in = to->sas; in < to->sas + to->room; in++)
			if (in->used && in->dir == NFIPSEC_DIR_IN && in->spi == out->spi &&
			    in->proto == out->proto)
				break;
		assert_true(in < to->sas + to->room);
		assert_int_equal(in->mode, out->mode);
		assert_int_equal(in->encr, out->encr);
		assert_int_equal(in->integ, out->integ);
		assert_int_equal(in->esn, out->esn);
		assert_int_equal(in->encr_key_len, out->encr_key_len);
		assert_memory_equal(in->encr_key, out->encr_key, out->encr_key_len);
		assert_int_equal(in->integ_key_len, out->integ_key_len);
		assert_memory_equal(in->integ_key, out->integ_key, out->integ_key_len);
		assert_int_equal(in->n_sels, out->n_sels);
		for (i = 0; i < out->n_sels; i++) {
			assert_true(ts_equal(&in->sels[i].src, &out->sels[i].src));
			assert_true(ts_equal(&in->sels[i].dst, &out->sels[i].dst));
		}
	}
}

void world_check_pairs(struct world *w)
{
	check_pair(&w->a, &w->b);
	check_pair(&w->b, &w->a);
}

void world_is_up(struct world *w)
{
	assert_int_equal(node_sas(&w->a), 2);
	assert_int_equal(node_sas(&w->b), 2);
	world_check_pairs(w);
	assert_int_equal(node_ike_sas(&w->a, "established"), 1);
	assert_int_equal(node_ike_sas(&w->b, "established"), 1);
	assert_int_equal(node_count(&w->a, IKE_EVENT_ERROR), 0);
	assert_int_equal(node_count(&w->b, IKE_EVENT_ERROR), 0);
}

void world_nothing_left(struct world *w)
{
	assert_int_equal(node_sas(&w->a), 0);
	assert_int_equal(node_sas(&w->b), 0);
	assert_int_equal(node_lingering(&w->a), 0);
	assert_int_equal(node_lingering(&w->b), 0);
	assert_int_equal(node_ike_sas(&w->a, NULL), 0);
	assert_int_equal(node_ike_sas(&w->b, NULL), 0);
}

struct world *world_up(const struct world_conf *a, const struct world_conf *b)
{
	struct world *w = world_new(a, b);

	node_up(&w->a, NULL);
	world_deliver(w);
	assert_true(w->a.up_done);
	assert_string_equal(w->a.up_error, "");
	world_is_up(w);
	return w;
}
