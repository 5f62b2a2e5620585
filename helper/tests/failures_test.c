// SPDX-License-Identifier: GPL-2.0
/* What `nfipsec show failures` makes of the daemon's answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/failures.c"

/* ---- in place of cli.c and request.c ---- */

static const char *answer_text;

json_t *cli_request(const struct cli *cli, json_t *request, void (*each)(const json_t *event))
{
	(void)cli;
	(void)each;
	assert_string_equal(text(request, "what"), "failures");
	json_decref(request);
	return answer_text ? json_pack("{s:o}", "data", json_loads(answer_text, 0, NULL)) : NULL;
}

int cli_print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(value);
	return CLI_DONE;
}

/* ---- the tests ---- */

/* Returns the output of the command. The caller frees it. */
static char *shown(bool json, const char *answer)
{
	const struct cli cli = { .json = json };
	FILE *was = stdout;
	char *out = NULL;
	size_t len;
	int ret;

	answer_text = answer;
	stdout = open_memstream(&out, &len);
	ret = cli_failures(&cli);
	fclose(stdout);
	stdout = was;
	assert_int_equal(ret, answer ? CLI_DONE : CLI_FAILED);
	return out;
}

static void assert_shown(const char *answer, const char *expected)
{
	char *out = shown(false, answer);

	assert_string_equal(out, expected);
	free(out);
}

static void transcript(void **state)
{
	(void)state;
	assert_shown("{\"failures\":[{\"peer\":\"branch\",\"tunnel\":\"lan\",\"stranger\":false,\"step\":\"IKE_SA_INIT\","
		     "\"text\":\"it accepts nothing\",\"count\":3,\"first\":1800000000,\"last\":1800000060,"
		     "\"age\":12,\"over\":true,\"initiator\":true,\"local\":\"192.0.2.1[500]\","
		     "\"remote\":\"198.51.100.1[500]\",\"differences\":[{\"what\":\"DH group\",\"theirs\":\"ecp384\","
		     "\"ours\":\"modp2048\"},{\"what\":\"IKE proposals\",\"ours\":\"aes128\"},"
		     "{\"what\":\"identity\",\"theirs\":\"fqdn 'x'\"}],\"messages\":[{\"ms_before\":1012,"
		     "\"received\":false,\"exchange\":\"IKE_SA_INIT\",\"response\":false,\"id\":0,\"octets\":464,"
		     "\"fragments\":1,\"payloads\":\"SA KE\"},{\"ms_before\":0,\"received\":true,"
		     "\"exchange\":\"IKE_SA_INIT\",\"response\":true,\"id\":0,\"octets\":3600,\"fragments\":3,"
		     "\"payloads\":\"N(NO_PROPOSAL_CHOSEN)\"}]}]}",
		     "branch/lan: 12 s ago, 3 times since 2027-01-15 08:00:00 UTC, step IKE_SA_INIT; it came up since then\n"
		     "    it accepts nothing\n"
		     "    begun by us, 192.0.2.1[500] -> 198.51.100.1[500]\n"
		     "    DH group: we have modp2048, the peer has ecp384\n"
		     "    IKE proposals: we have aes128, the peer does not say\n"
		     "    identity: we take any, the peer has fqdn 'x'\n"
		     "    -1.012 s sent IKE_SA_INIT request 0, 464 octets [ SA KE ]\n"
		     "    -0.000 s received IKE_SA_INIT response 0, 3600 octets in 3 fragments [ N(NO_PROPOSAL_CHOSEN) ]\n");
}

static void strangers(void **state)
{
	(void)state;
	assert_shown("{\"failures\":[{\"stranger\":true,\"step\":\"IKE_SA_INIT\",\"text\":\"no peer is configured\","
		     "\"count\":1,\"first\":1,\"last\":1,\"age\":0,\"over\":false,\"differences\":[],\"messages\":[]},"
		     "{\"peer\":\"q\",\"stranger\":false,\"step\":\"configuration\",\"text\":\"no key\","
		     "\"differences\":[],\"messages\":[]}]}",
		     "no configured peer, an initiator that is not authenticated: 0 s ago, step IKE_SA_INIT\n"
		     "    no peer is configured\n"
		     "q: step configuration\n"
		     "    no key\n");
	assert_shown("{\"failures\":[]}", "");
}

/* text of a peer cannot move the cursor */
static void harmless(void **state)
{
	char *out = shown(false, "{\"failures\":[{\"peer\":\"p\",\"step\":\"s\",\"text\":\"a\\u001b[2J\\nb\","
				 "\"differences\":[{\"what\":\"w\",\"theirs\":\"\\r\"}],\"messages\":[]}]}");

	(void)state;
	assert_string_equal(out, "p: step s\n    a?[2J?b\n    w: we take any, the peer has ?\n");
	free(out);
}

static void json_and_no_daemon(void **state)
{
	char *out = shown(true, "{\"failures\":[{\"any\":1}]}");

	(void)state;
	assert_string_equal(out, "{\"failures\":[{\"any\":1}]}");
	free(out);
	free(shown(false, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transcript),
		cmocka_unit_test(strangers),
		cmocka_unit_test(harmless),
		cmocka_unit_test(json_and_no_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
