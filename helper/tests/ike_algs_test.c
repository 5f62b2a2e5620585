// SPDX-License-Identifier: GPL-2.0
/* Two peers with each algorithm of the IKE SA; what is said when they have none in common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ike_world.h"

/* the IKE SA comes up, and carries more than one message each way */
static void comes_up(const char *ike)
{
	const struct world_conf c = { .ike = ike, .extra_peer = "allow-weak" };
	struct world *w = world_new(&c, &c);
	char took[64];

	node_up(&w->a, NULL);
	world_deliver(w);
	if (!w->a.up_done || *w->a.up_error)
		fail_msg("%s: %s", ike, w->a.up_done ? w->a.up_error : "nothing");
	world_is_up(w);
	snprintf(took, sizeof(took), "%s", ike);
	assert_non_null(node_line(&w->a, IKE_EVENT_IKE_UP, took));
	node_down(&w->b, NULL);
	world_deliver(w);
	world_nothing_left(w);
	world_free(w);
}

static void each_group(void **state)
{
	static const char *const groups[] = {
		"modp768", "modp1024", "modp1536", "modp2048", "modp3072", "modp4096", "modp6144",
		"modp8192", "ecp256", "ecp384", "ecp521", "ecp224bp", "ecp256bp", "ecp384bp",
		"ecp512bp", "x25519", "x448",
	};
	char ike[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		snprintf(ike, sizeof(ike), "aes128gcm16-prfsha256-%s", groups[i]);
		comes_up(ike);
	}
}

static void each_cipher(void **state)
{
	static const char *const ciphers[] = {
		"aes128-sha256", "aes192-sha384", "aes256-sha512", "aes128-sha1", "aes128-md5",
		"aes128-aesxcbc", "aes128-aescmac", "aes128ctr-sha256", "aes192ctr-sha1",
		"aes256ctr-aesxcbc", "camellia128-sha256", "camellia192-sha1", "camellia256-sha512",
		"3des-sha1", "des-md5", "chacha20poly1305-prfsha256", "aes128gcm8-prfsha256",
		"aes192gcm8-prfsha256", "aes256gcm8-prfsha256", "aes128gcm12-prfsha256",
		"aes192gcm12-prfsha256", "aes256gcm12-prfsha256", "aes192gcm16-prfsha256",
		"aes256gcm16-prfsha256", "aes128ccm8-prfsha256", "aes192ccm8-prfsha256",
		"aes256ccm8-prfsha256", "aes128ccm12-prfsha256", "aes192ccm12-prfsha256",
		"aes256ccm12-prfsha256", "aes128ccm16-prfsha256", "aes192ccm16-prfsha256",
		"aes256ccm16-prfsha256",
	};
	char ike[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		snprintf(ike, sizeof(ike), "%s-x25519", ciphers[i]);
		comes_up(ike);
	}
}

static void each_prf(void **state)
{
	static const char *const prfs[] = {
		"prfmd5", "prfsha1", "prfaesxcbc", "prfaescmac", "prfsha256", "prfsha384",
		"prfsha512",
	};
	char ike[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(prfs) / sizeof(prfs[0]); i++) {
		snprintf(ike, sizeof(ike), "aes128gcm16-%s-x25519", prfs[i]);
		comes_up(ike);
	}
}

/* RFC 7296 2.7: who answers tells his own operator what differs; the peer learns that much less */
static void refusal_shows_both_sides(void **state)
{
	static const struct world_conf a = {
		.ike = "3des-sha1-modp2048 aes256gcm16-prfsha384-modp3072",
	};
	static const struct world_conf b = {
		.ike = "aes256gcm16-prfsha384-ecp384 aes256-sha512-ecp521",
	};
	struct world *w = world_new(&a, &b);

	(void)state;
	node_up(&w->a, NULL);
	world_deliver(w);
	assert_non_null(node_line(&w->b, IKE_EVENT_ERROR,
				  "no common IKE proposal with 192.0.2.1: "
				  "DH group: offered modp3072, expected ecp384; "
				  "nearest to aes256gcm16-prfsha384-ecp384"));
	assert_non_null(strstr(w->a.up_error, "NO_PROPOSAL_CHOSEN"));
	assert_non_null(strstr(w->a.up_error, "aes256gcm16-prfsha384-modp3072"));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_group),
		cmocka_unit_test(each_cipher),
		cmocka_unit_test(each_prf),
		cmocka_unit_test(refusal_shows_both_sides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
