// SPDX-License-Identifier: GPL-2.0
/*
 * SAs of an earlier run are adopted if what authenticated their peers is still in the
 * configuration.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ike/core.h"
#include "ike_world.h"
#include "pki.h"

static const struct world_conf usual;
static const struct world_conf many = { .remote = "any", .remote_id = "*.example.com" };

#define LINE	"psk b.example.com a.example.com \"secret\"\n"
#define OTHER	"psk b.example.com c.example.com \"other\"\n"

/* b's configuration with these secrets, which the world frees */
static void load_secrets(struct world *w, const char *secrets)
{
	static const char text[] = "access-list l {\n10 protect ip from 10.2.0.0/16 to 10.1.0.0/16\n}\n"
		"peer p { local address 192.0.2.2 id fqdn b.example.com remote address any id fqdn *.example.com auth psk\n"
		"ike aes128gcm16-prfsha256-x25519\n tunnel t { access-list l esp aes128gcm16 } }\n";
	struct conf_error err = { .text = "" };
	struct conf *conf = conf_parse(text, strlen(text), "b", &err), *old = w->b.conf;

	assert_non_null(conf);
	assert_true(conf_secrets_parse(conf, secrets, strlen(secrets), "secrets", &err));
	w->b.conf = conf;
	ike_set_conf(w->b.ike, conf, w->now);
	conf_free(old);
}

/* b deletes the SAs that it adopted. */
static void end(struct world *w)
{
	ike_shutdown(w->b.ike, w->now);
	world_free(w);
}

/* b's daemon is killed, and runs again by @after */
static void adopts(const struct world_conf *before, const struct world_conf *after, bool expected)
{
	struct world *w = world_up(NULL, before);

	node_crash(&w->b);
	w->cut = true;
	world_load(&w->b, after);
	node_adopt(&w->b);
	assert_int_equal(node_sas(&w->b), expected ? 2 : 0);
	assert_int_equal(node_line(&w->b, IKE_EVENT_ADOPTED, "") != NULL, expected);
	end(w);
}

static void identities_and_secrets(void **state)
{
	static const struct world_conf secret = { .psk = "another" }, peer = { .remote_id = "c.example.com" };
	static const struct world_conf us = { .id = "c.example.com" }, anybody = { .remote = "any", .remote_id = "any" };
	static const struct world_conf many_secret = { .remote = "any", .remote_id = "*.example.com", .psk = "another" };

	(void)state;
	adopts(&usual, &usual, true);
	adopts(&usual, &secret, false);
	adopts(&usual, &peer, false);
	adopts(&usual, &us, false);
	adopts(&many, &many, true);
	adopts(&many, &many_secret, false);
	adopts(&many, &anybody, false);
}

static void lines_of_the_secrets_file(void **state)
{
	static const struct {
		const char *before, *after;
		bool expected;
	} cases[] = {
		{ LINE OTHER, LINE OTHER, true },
		{ LINE OTHER, OTHER LINE, true },
		/* one more user is nobody's loss */
		{ LINE, LINE OTHER, true },
		/* The module does not tell the identity of the peer, so any line may be its own. */
		{ LINE OTHER, LINE, false },
		{ LINE OTHER, OTHER, false },
		{ LINE, "psk b.example.com a.example.com \"changed\"\n", false },
		{ LINE, "", false },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct world *w = world_new(NULL, &many);

		load_secrets(w, cases[i].before);
		node_up(&w->a, NULL);
		world_deliver(w);
		assert_int_equal(node_sas(&w->b), 2);
		node_crash(&w->b);
		w->cut = true;
		load_secrets(w, cases[i].after);
		node_adopt(&w->b);
		assert_int_equal(node_sas(&w->b), cases[i].expected ? 2 : 0);
		/* nor by a later load, when they are still orphans */
		load_secrets(w, "");
		assert_int_equal(node_sas(&w->b), 0);
		end(w);
	}
}

static void cas(void **state)
{
	struct pki *pki = pki_new();
	struct world_conf a = { .auth = "cert" }, b = { .auth = "cert", .remote = "any", .remote_id = "any" };
	struct world *w;
	char path[300];
	unsigned int i;

	(void)state;
	pki_make(pki, &(struct pki_spec){ .name = "ca", .key = "p256", .ca = true, .pathlen = -1 });
	pki_make(pki, &(struct pki_spec){ .name = "other", .key = "p256", .ca = true, .pathlen = -1 });
	pki_make(pki, &(struct pki_spec){ .name = "a", .key = "p256", .issuer = "ca",
					  .san = { "dns:a.example.com" } });
	pki_make(pki, &(struct pki_spec){ .name = "b", .key = "p256", .issuer = "ca",
					  .san = { "dns:b.example.com" } });
	a.certs = pki_site(pki, "a", "a", "ca");
	b.certs = pki_site(pki, "b", "b", "ca");
	for (i = 0; i < 2; i++) {
		w = world_up(&a, &b);
		node_crash(&w->b);
		w->cut = true;
		if (i) {
			snprintf(path, sizeof(path), "%s/cacerts/ca.pem", b.certs);
			assert_false(unlink(path));
			pki_put_cert(pki, "b", "cacerts", "other");
			world_load(&w->b, &b);
		}
		node_adopt(&w->b);
		assert_int_equal(node_sas(&w->b), i ? 0 : 2);
		end(w);
	}
	pki_free(pki);
}

/* a first load takes the policy though credentials are broken: such a peer has no SAs either */
static void peer_lacks_something(void **state)
{
	struct world *w = world_up(NULL, NULL);

	(void)state;
	node_crash(&w->b);
	w->cut = true;
	w->b.conf->peers[0].lacks = strdup("no pre-shared key");
	node_adopt(&w->b);
	assert_int_equal(node_sas(&w->b), 0);
	end(w);
}

/* nothing is known of that run: it was an older one, or its file has gone, or is another's */
static void no_memo(void **state)
{
	struct world *w;
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		w = world_up(NULL, NULL);
		node_crash(&w->b);
		w->cut = true;
		if (!i)
			w->b.memo.len = 0;
		else if (i == 1)
			w->b.memo.p[20] ^= 1;
		else if (i == 2)
			w->b.memo.p[w->b.memo.len - 65] ^= 1;
		else
			w->b.memo.p[60] ^= 1;
		node_adopt(&w->b);
		assert_int_equal(node_sas(&w->b), 0);
		end(w);
	}
	w = world_up(NULL, NULL);
	node_crash(&w->b);
	for (i = 0; i < w->b.memo.len; i++)
		assert_int_equal(ike_recall(w->b.ike, (struct bytes){ w->b.memo.p, i }),
				 i >= 48 && (i - 48) % 64 == 0);
	w->b.memo.p[0] ^= 1;
	assert_false(ike_recall(w->b.ike, buf_bytes(&w->b.memo)));
	w->b.memo.len = 0;
	w->cut = true;
	node_adopt(&w->b);
	end(w);
}

/* the same word, twice: what stands in the file is no secret, and differs each time */
static void nothing_secret(void **state)
{
	static const struct world_conf c = { .psk = "correct-horse" };
	struct world *w = world_new(&c, &c);
	struct buf one, two;

	(void)state;
	buf_init(&one);
	buf_init(&two);
	assert_true(ike_remember(w->a.ike, &one));
	assert_true(ike_remember(w->a.ike, &two));
	assert_int_equal(one.len, two.len);
	assert_memory_not_equal(one.p + 16, two.p + 16, one.len - 16);
	assert_null(memmem(one.p, one.len, "correct-horse", 13));
	assert_null(memmem(one.p, one.len, "example", 7));
	buf_free(&one);
	buf_free(&two);
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identities_and_secrets),
		cmocka_unit_test(lines_of_the_secrets_file),
		cmocka_unit_test(cas),
		cmocka_unit_test(peer_lacks_something),
		cmocka_unit_test(no_memo),
		cmocka_unit_test(nothing_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
