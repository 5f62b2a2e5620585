// SPDX-License-Identifier: GPL-2.0
/*
 * A core with thousands of peers: found by their names and addresses, kept over a load. What that
 * takes is measured by bench/ike-load.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "core/log.h"
#include "crypto/crypto.h"
#include "ike/core.h"

#define MANY	2000

static unsigned int n_sent, n_down;
static char outcome[900];

/* ---- an owner whose network loses all ---- */

static void op_send(const struct egress *by, const struct endpoint *local,
		    const struct endpoint *remote, struct bytes msg, void *user)
{
	(void)by;
	(void)local;
	(void)remote;
	(void)msg;
	(void)user;
	n_sent++;
}

static int op_sa(const struct kern_sa *sa, void *user)
{
	(void)sa;
	(void)user;
	return 0;
}

static void op_job(const struct ike_job *job, void *user)
{
	(void)user;
	job->run(job->arg);
	job->done(job->arg);
}

static void op_event(const struct ike_event *ev, void *user)
{
	(void)user;
	n_down += ev->type == IKE_EVENT_IKE_DOWN;
}

static bool op_local_addr(const struct egress *by, const struct addr *remote, struct addr *local,
			  void *user)
{
	(void)by;
	(void)remote;
	(void)local;
	(void)user;
	return false;
}

static const struct ike_ops ops = {
	.send = op_send, .sa_add = op_sa, .sa_del = op_sa, .job = op_job, .event = op_event,
	.local_addr = op_local_addr,
};

static void waiter(void *arg, const char *error)
{
	(void)arg;
	snprintf(outcome, sizeof(outcome), "%s", error ? error : "");
}

/* peers p[i] of @n; @ike, its proposals, is what differs between two loads */
static struct conf *conf_of(const unsigned int *p, unsigned int n, const char *start,
			    const char *(*ike)(unsigned int))
{
	char *text, *secrets;
	size_t len, secrets_len;
	FILE *f = open_memstream(&text, &len), *s = open_memstream(&secrets, &secrets_len);
	struct conf_error err = { .text = "" };
	struct conf *conf;
	unsigned int i;

	for (i = 0; i < n; i++) {
		fprintf(f, "access-list l%u { 10 protect ip from 10.1.0.0/16 to 10.64.%u.%u }\n"
			"peer p%u { local address 192.0.2.1 id fqdn hq.example.com\n"
			" remote address 10.128.%u.%u id fqdn p%u.example.com\n"
			" auth psk ike %s\n"
			" tunnel t { access-list l%u esp aes128gcm16 start %s } }\n",
			p[i], p[i] / 256, p[i] % 256, p[i], p[i] / 256, p[i] % 256, p[i],
			ike(p[i]), p[i], start);
		fprintf(s, "psk hq.example.com p%u.example.com \"secret %u\"\n", p[i], p[i]);
	}
	fclose(f);
	fclose(s);
	conf = conf_parse(text, len, "f", &err);
	if (!conf || !conf_secrets_parse(conf, secrets, secrets_len, "s", &err))
		fail_msg("%s", err.text);
	free(text);
	free(secrets);
	return conf;
}

static const char *aes128(unsigned int p)
{
	(void)p;
	return "aes128gcm16-prfsha256-x25519";
}

static const char *aes256(unsigned int p)
{
	(void)p;
	return "aes256gcm16-prfsha256-x25519";
}

static const char *every_third(unsigned int p)
{
	return p % 3 ? "aes128gcm16-prfsha256-x25519" :
		       "aes256gcm16-prfsha256-x25519";
}

/* ---- names, and what a load keeps ---- */

static void try_up(struct ike *ike, unsigned int p)
{
	char name[20];

	snprintf(name, sizeof(name), "p%u", p);
	*outcome = 0;
	ike_up(ike, name, "t", waiter, NULL, 1);
}

static unsigned int acquired(struct ike *ike, unsigned int p)
{
	struct kern_flow flow = { .number = 10 };
	unsigned int before = n_sent;

	snprintf(flow.tunnel, sizeof(flow.tunnel), "p%u/t", p);
	ike_acquire(ike, &flow, 1);
	return n_sent - before;
}

static unsigned int sas_of(struct ike *ike, unsigned int at, const char *name)
{
	json_t *show = ike_show(ike, 1), *p = json_array_get(json_object_get(show, "peers"), at);
	unsigned int n = json_array_size(json_object_get(p, "ike_sas"));

	assert_string_equal(json_string_value(json_object_get(p, "name")), name);
	json_decref(show);
	return n;
}

static void names_outlive_a_load(void **state)
{
	enum { N = 300 };
	struct conf *first, *second, *third;
	unsigned int p[N], i, want = 0;
	struct ike *ike = ike_new(&ops, NULL);
	char name[20];

	(void)state;
	for (i = 0; i < N; i++)
		p[i] = i;
	first = conf_of(p, N, "on-traffic", aes128);
	ike_set_conf(ike, first, 1);
	for (i = 0; i < N; i++)
		assert_int_equal(acquired(ike, i), 1);
	assert_int_equal(acquired(ike, N), 0);
	/* the other way round; a third is another, and the last ten are gone */
	for (i = 0; i < N - 10; i++)
		p[i] = N - 11 - i;
	second = conf_of(p, N - 10, "on-traffic", every_third);
	ike_set_conf(ike, second, 1);
	conf_free(first);
	for (i = 0; i < N - 10; i++) {
		snprintf(name, sizeof(name), "p%u", p[i]);
		/* an IKE SA on its way goes with its configuration, and else stays */
		want = p[i] % 3 ? 1 : 0;
		assert_int_equal(sas_of(ike, i, name), want);
		assert_int_equal(acquired(ike, p[i]), !want);
	}
	for (i = N - 10; i < N; i++) {
		assert_int_equal(acquired(ike, i), 0);
		try_up(ike, i);
		assert_non_null(strstr(outcome, "no peer is called"));
	}
	/* back, as they were in the first place */
	for (i = 0; i < N; i++)
		p[i] = i;
	third = conf_of(p, N, "on-traffic", aes128);
	ike_set_conf(ike, third, 1);
	conf_free(second);
	for (i = 0; i < N; i++)
		assert_int_equal(acquired(ike, i), i % 3 == 0 || i >= N - 10);
	ike_set_conf(ike, NULL, 1);
	assert_int_equal(acquired(ike, 1), 0);
	ike_free(ike);
	conf_free(third);
}

/* ---- by address ---- */

static int naive_rank(const struct conf_peer *p, const struct addr *local, const struct addr *remote)
{
	if ((p->local.family && !addr_equal(&p->local, local)) ||
	    (p->remote.family && !addr_equal(&p->remote, remote)))
		return -1;
	return 2 * !!p->remote.family + !!p->local.family;
}

/* the most specific first, and of those that are alike the one that is written first */
static void by_addr_in_order(struct ike *ike, const struct conf *conf, const char *local_text,
			     const char *remote_text)
{
	struct ike_peer *p = NULL;
	struct addr local, remote;
	unsigned int i, n = 0;
	int rank;

	assert_true(addr_parse(local_text, &local) && addr_parse(remote_text, &remote));
	for (rank = 3; rank >= 0; rank--)
		for (i = 0; i < conf->n_peers; i++) {
			if (naive_rank(&conf->peers[i], &local, &remote) != rank)
				continue;
			p = ike_peer_by_addr(ike, &local, &remote, p);
			assert_non_null(p);
			assert_string_equal(p->conf->name, conf->peers[i].name);
			n++;
		}
	assert_true(n > 0);
	assert_null(ike_peer_by_addr(ike, &local, &remote, p));
}

static void peers_of_an_address_come_in_order(void **state)
{
	static const char *const locals[] = { "any", "192.0.2.1", "192.0.2.2" };
	static const char *const remotes[] = { "any", "192.0.2.11", "192.0.2.12", "192.0.2.13" };
	struct ike *ike = ike_new(&ops, NULL);
	struct conf *conf, *old = NULL;
	unsigned int i, k, round, r = 7;
	struct conf_error err;
	char *text;
	size_t len;
	FILE *f;

	(void)state;
	for (round = 0; round < 8; round++) {
		f = open_memstream(&text, &len);
		for (i = 0; i < 40; i++) {
			r = r * 1103515245 + 12345;
			/* each load has others, and some in another place */
			fprintf(f, "access-list l%u { 10 protect ip from 10.1.0.0/16 to 10.2.%u.0/24 }\n"
				"peer p%u { local address %s id fqdn a remote address %s id fqdn b auth psk\n"
				" tunnel t { access-list l%u start manual } }\n", i, i,
				(i * 7 + round) % 40, locals[(r >> 16) % 3], remotes[(r >> 20) % 4], i);
		}
		fclose(f);
		conf = conf_parse(text, len, "f", &err);
		free(text);
		if (!conf)
			fail_msg("%s", err.text);
		ike_set_conf(ike, conf, 1);
		conf_free(old);
		old = conf;
		for (i = 1; i < 3; i++)
			for (k = 1; k < 4; k++)
				by_addr_in_order(ike, conf, locals[i], remotes[k]);
		by_addr_in_order(ike, conf, "192.0.2.3", "192.0.2.14");
	}
	ike_free(ike);
	conf_free(old);
}

/* ---- thousands ---- */

/* who begins from its address */
static void find(struct ike *ike, unsigned int p)
{
	struct addr local, remote;
	char text[ADDR_STRLEN], name[20];
	struct ike_peer *peer;

	snprintf(text, sizeof(text), "10.128.%u.%u", p / 256, p % 256);
	assert_true(addr_parse("192.0.2.1", &local) && addr_parse(text, &remote));
	peer = ike_peer_by_addr(ike, &local, &remote, NULL);
	snprintf(name, sizeof(name), "p%u", p);
	assert_string_equal(peer->conf->name, name);
	assert_null(ike_peer_by_addr(ike, &local, &remote, peer));
}

/* what an earlier run left of it */
static void adopt(struct ike *ike, unsigned int p)
{
	struct kern_sa sa = { .proto = 50, .mode = NFIPSEC_MODE_TUNNEL, .n_sels = 1,
			      .encr = NFIPSEC_ENCR_AES_GCM_16, .replay_window = 1024,
			      .hard_seconds = 3600, .soft_seconds = 3000 };
	struct ts here = { .port_max = 65535 }, there = { .port_max = 65535 };
	unsigned int out;
	char text[ADDR_STRLEN];

	assert_true(addr_parse("192.0.2.1", &sa.local) && addr_parse("10.1.0.0", &here.min) &&
		    addr_parse("10.1.255.255", &here.max));
	snprintf(text, sizeof(text), "10.128.%u.%u", p / 256, p % 256);
	assert_true(addr_parse(text, &sa.remote));
	snprintf(text, sizeof(text), "10.64.%u.%u", p / 256, p % 256);
	assert_true(addr_parse(text, &there.min));
	there.max = there.min;
	snprintf(sa.tunnel, sizeof(sa.tunnel), "p%u/t", p);
	for (out = 0; out < 2; out++) {
		sa.dir = out ? NFIPSEC_DIR_OUT : NFIPSEC_DIR_IN;
		sa.spi = 2 * p + out + 256;
		sa.sels[0].src = out ? here : there;
		sa.sels[0].dst = out ? there : here;
		ike_adopt(ike, &sa);
	}
}

static const char *tunnel_name(unsigned int p)
{
	static char name[20];

	snprintf(name, sizeof(name), "p%u/t", p);
	return name;
}

/* each has its own, what the module says of it and what an earlier run left of it */
/* what an earlier run with the same configuration left */
static void recall(struct ike *ike, const struct conf *conf)
{
	struct ike *earlier = ike_new(&ops, NULL);
	struct buf memo;

	buf_init(&memo);
	ike_set_conf(earlier, conf, 1);
	assert_true(ike_remember(earlier, &memo));
	assert_true(ike_recall(ike, buf_bytes(&memo)));
	buf_free(&memo);
	ike_free(earlier);
}

static void each_of_thousands_is_found(void **state)
{
	struct ike *ike = ike_new(&ops, NULL);
	unsigned int *p = calloc(MANY, sizeof(*p)), i;
	struct conf *first, *same, *other, *earlier;

	(void)state;
	for (i = 0; i < MANY; i++)
		p[i] = MANY - i;
	first = conf_of(p, MANY, "at-load", aes128);
	same = conf_of(p, MANY, "at-load", aes128);
	other = conf_of(p, MANY, "at-load", aes256);
	for (i = 0; i < MANY; i++)
		adopt(ike, p[i]);
	earlier = conf_of(p, MANY, "on-traffic", aes128);
	recall(ike, earlier);
	conf_free(earlier);
	ike_set_conf(ike, first, 1);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(ike_orphans_of(ike_tunnel_by_name(ike, tunnel_name(p[i]))), 2);
		find(ike, p[i]);
	}
	ike_set_conf(ike, same, 1);
	find(ike, p[0]);
	ike_set_conf(ike, other, 1);
	find(ike, p[MANY - 1]);
	ike_free(ike);
	conf_free(first);
	conf_free(same);
	conf_free(other);
	free(p);
}

static void no_log(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(void)arg;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_outlive_a_load),
		cmocka_unit_test(peers_of_an_address_come_in_order),
		cmocka_unit_test(each_of_thousands_is_found),
	};

	if (!crypto_init())
		return 1;
	log_set_sink(no_log, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
