// SPDX-License-Identifier: GPL-2.0
/* The algorithms of the IKE SA: RFC 8247 2.1 to 2.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nfipsec.h>

#include "ike_world.h"

/* MUST, SHOULD and MUST-: an SA comes up with each */
static void what_must_be_there_is(void **state)
{
	static const char *const ike[] = {
		"aes128-sha256-modp2048",		/* MUST, all of them */
		"aes256-sha256-ecp256",
		"aes128-sha1-modp2048",			/* MUST- */
		"aes256-sha512-x25519",
		"aes128gcm16-prfsha256-ecp256",
		"aes256gcm16-prfsha512-modp2048",
		"chacha20poly1305-prfsha256-x25519",
		"aes128-aesxcbc-x25519",		/* SHOULD, for small devices */
		"aes128ccm8-prfsha256-x25519",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ike) / sizeof(ike[0]); i++) {
		const struct world_conf c = { .ike = ike[i] };
		struct world *w = world_up(&c, &c);

		world_free(w);
	}
}

static bool is_taken(const char *ike, const char *word)
{
	struct conf_error err = { .text = "" };
	struct conf *conf;
	char text[600];

	snprintf(text, sizeof(text), "access-list l {\n 10 protect ip from 10.1.0.0/16 to 10.2.0.0/16\n}\n"
		 "peer p {\n local address 192.0.2.1 id fqdn a.example.com\n remote address 192.0.2.2\n"
		 " auth psk\n ike %s\n %s\n tunnel t {\n access-list l\n esp aes128gcm16\n }\n}\n",
		 ike, word);
	conf = conf_parse(text, strlen(text), "f", &err);
	conf_free(conf);
	return conf;
}

/* MUST NOT and SHOULD NOT: some not at all, the others only by a word that says so */
static void what_must_not_be_is_not(void **state)
{
	static const struct { const char *ike; bool with_word; } row[] = {
		{ "des-sha256-modp2048", true },
		{ "aes128-md5-modp2048", true },
		{ "aes128-sha256-prfmd5-modp2048", true },
		{ "aes128-sha256-modp768", true },
		{ "aes128-sha256-modp1024", true },
		{ "aes128-sha256-modp1536", true },
		/* 22 to 24 */
		{ "aes128-sha256-modp1024s160", false },
		{ "aes128-sha256-modp2048s224", false },
		{ "aes128-sha256-modp2048s256", false },
		{ "null-sha256-modp2048", false },
		{ "aes128-prfsha256-modp2048", false },
	};
	size_t i;

	(void)state;
	assert_true(is_taken("aes128-sha256-modp2048", ""));
	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (is_taken(row[i].ike, ""))
			fail_msg("%s", row[i].ike);
		if (is_taken(row[i].ike, "allow-weak") != row[i].with_word)
			fail_msg("%s allow-weak", row[i].ike);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_must_be_there_is),
		cmocka_unit_test(what_must_not_be_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
