// SPDX-License-Identifier: GPL-2.0
/* What `nfipsec show peers` makes of the daemon's answer: people's form, and JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cli/show.c"

/* ---- in place of cli.c and request.c ---- */

static const char *answer_text;
static char error[400];

json_t *cli_request(const struct cli *cli, json_t *request, void (*each)(const json_t *event))
{
	(void)cli;
	(void)each;
	assert_string_equal(text(request, "what"), "peers");
	json_decref(request);
	return json_pack("{s:o}", "data", json_loads(answer_text, 0, NULL));
}

int cli_print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(value);
	return CLI_DONE;
}

int cli_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(error, sizeof(error), fmt, ap);
	va_end(ap);
	return CLI_FAILED;
}

struct kern *cli_kern_to_show(const struct cli *cli, json_t **no_policy)
{
	(void)cli;
	*no_policy = NULL;
	return NULL;
}

json_t *cli_with_no_policy(json_t *object, json_t *no_policy)
{
	assert_null(no_policy);
	return object;
}

int cli_failures(const struct cli *cli)
{
	(void)cli;
	return CLI_DONE;
}

int cli_kern_status(struct kern *k, int ret, const char *what)
{
	(void)k;
	(void)what;
	return ret;
}

/* ---- the tests ---- */

#define HEAD	"{\"peers\":[{\"name\":\"p\",\"state\":\"up\",\"local\":\"192.0.2.1\",\"remote\":\"192.0.2.2\",\"tunnels\":[],\"ike_sas\":[{"
#define SA	"\"spi_i\":\"1\",\"spi_r\":\"2\",\"state\":\"established\",\"initiator\":true,\"local\":\"l\",\"remote\":\"r\"," \
		"\"local_id\":\"a\",\"remote_id\":\"b\",\"ike\":\"I\",\"age\":7,\"nat\":\"none\",\"rtt_ms\":3,\"silent\":4"
#define TAIL	"}]}]}"

/* Returns the output of the command. The caller frees it. */
static char *shown(bool json, const char *answer, int argc, char **argv)
{
	const struct cli cli = { .json = json };
	FILE *was = stdout;
	char *out = NULL;
	size_t len;
	int ret;

	answer_text = answer;
	*error = '\0';
	stdout = open_memstream(&out, &len);
	ret = cli_show(&cli, argc, argv);
	fclose(stdout);
	stdout = was;
	assert_int_equal(ret, CLI_DONE);
	return out;
}

static void assert_shown(bool detail, const char *answer, const char *expected)
{
	char *argv[] = { "peers", "--detail", NULL };
	char *out = shown(false, answer, detail ? 2 : 1, argv);

	assert_string_equal(out, expected);
	free(out);
}

#define BEGIN	"p: up, 192.0.2.1 -> 192.0.2.2\n    IKE SA 1_i 2_r: established, l 'a' -> r 'b', I, age 7 s\n"

static void short_form(void **state)
{
	(void)state;
	assert_shown(false, HEAD SA ",\"local_auth\":\"psk\",\"remote_auth\":\"psk\",\"renewal\":\"rekey\","
		     "\"rekey_in\":100,\"reauth_in\":200,\"ends_in\":300" TAIL,
		     BEGIN "        auth psk, begun by us, NAT: none, round trip 3 ms, last heard of 4 s ago, "
		     "rekeyed in 100 s\n");
	assert_shown(false, HEAD SA ",\"local_auth\":\"ed25519\",\"remote_auth\":\"psk\",\"renewal\":\"reauth\","
		     "\"rekey_in\":100" TAIL,
		     BEGIN "        auth ed25519, the peer's psk, begun by us, NAT: none, round trip 3 ms, "
		     "last heard of 4 s ago, reauthenticated in 100 s\n");
}

static void detailed_form(void **state)
{
	(void)state;
	assert_shown(true, HEAD SA ",\"local_auth\":\"ed25519\",\"local_key\":\"our.key\","
		     "\"remote_auth\":\"ecdsa-p256-sha256\",\"remote_cert\":{\"subject\":\"C=XX, CN=b\","
		     "\"not_after\":1893456000},\"fragments\":true,\"fragments_above\":1252,"
		     "\"renewal\":\"rekey\",\"rekey_in\":100,\"reauth_in\":200,\"ends_in\":300" TAIL,
		     BEGIN "        auth ed25519, the peer's ecdsa-p256-sha256, begun by us, NAT: none, "
		     "round trip 3 ms, last heard of 4 s ago\n"
		     "        we: ed25519, key our.key\n"
		     "        the peer: ecdsa-p256-sha256, certificate 'C=XX, CN=b', valid until "
		     "2030-01-01 00:00:00 UTC\n"
		     "        messages of more than 1252 octets go in fragments, rekeyed in 100 s, "
		     "reauthenticated in 200 s, ends in 300 s\n");
	assert_shown(true, HEAD SA ",\"local_auth\":\"psk\",\"remote_auth\":\"psk\",\"fragments\":false,"
		     "\"renewal\":\"reauth\",\"rekey_in\":100,\"reauth_in\":100" TAIL,
		     BEGIN "        auth psk, begun by us, NAT: none, round trip 3 ms, last heard of 4 s ago\n"
		     "        we: psk\n        the peer: psk\n"
		     "        messages go whole, reauthenticated in 100 s\n");
	/* one that is not there yet has nothing of it */
	assert_shown(true, HEAD "\"spi_i\":\"1\",\"spi_r\":\"2\",\"state\":\"connecting\",\"local\":\"l\","
		     "\"remote\":\"r\",\"local_id\":\"a\",\"remote_id\":\"b\",\"ike\":\"I\",\"age\":7" TAIL,
		     "p: up, 192.0.2.1 -> 192.0.2.2\n    IKE SA 1_i 2_r: connecting, l 'a' -> r 'b', I, age 7 s\n");
}

/* what belongs together, with its ports */
static void pairs_of_selectors(void **state)
{
	(void)state;
	assert_shown(false, "{\"peers\":[{\"name\":\"p\",\"state\":\"up\",\"local\":\"l\",\"remote\":\"r\",\"ike_sas\":[],"
		     "\"tunnels\":[{\"name\":\"t\",\"state\":\"up\",\"start\":\"manual\",\"access_list\":\"a\","
		     "\"children\":[{\"spi_in\":\"1\",\"spi_out\":\"2\",\"state\":\"up\",\"esp\":\"E\",\"age\":3,"
		     "\"local\":[\"tcp A\"],\"remote\":[\"tcp B\"],\"selectors\":[{\"local\":\"tcp A\","
		     "\"remote\":\"tcp B port 80\"},{\"local\":\"tcp A port 22\",\"remote\":\"tcp B\"}]}]}]}]}",
		     "p: up, l -> r\n    tunnel t: up, start manual, access-list a\n"
		     "      CHILD SA in 1 out 2: up, E, age 3 s\n"
		     "          tcp A <-> tcp B port 80\n          tcp A port 22 <-> tcp B\n");
}

static void json_is_the_daemons(void **state)
{
	char *argv[] = { "peers", NULL }, *out;

	(void)state;
	out = shown(true, "{\"peers\":[{\"any\":1}]}", 1, argv);
	assert_string_equal(out, "{\"peers\":[{\"any\":1}]}");
	free(out);
}

static void detail_is_for_peers(void **state)
{
	char *sas[] = { "sas", "--detail", NULL }, *more[] = { "peers", "--details", NULL };
	const struct cli cli = { .json = false };

	(void)state;
	assert_int_equal(cli_show(&cli, 2, sas), CLI_USAGE);
	assert_int_equal(cli_show(&cli, 2, more), CLI_USAGE);
	assert_int_equal(cli_show(&cli, 0, more), CLI_USAGE);
}

#define DOWN	"{\"peers\":[{\"name\":\"p\",\"state\":\"down\",\"local\":\"l\",\"remote\":\"r\",\"ike_sas\":[]," \
		"\"last_error\":{\"text\":\"it does not answer\",\"age\":40,\"count\":3,\"over\":false}," \
		"\"last_refusal\":{\"text\":\"x\",\"age\":1,\"count\":1,\"over\":false}," \
		"\"tunnels\":[{\"name\":\"t\",\"state\":\"failed\",\"start\":\"at-load\",\"access_list\":\"a\"," \
		"\"orphans\":0,\"children\":[],\"reason\":\"failed\",\"why\":\"it does not answer\"," \
		"\"next_try\":12}]},{\"name\":\"q\",\"state\":\"up\",\"local\":\"l\",\"remote\":\"r\"," \
		"\"ike_sas\":[],\"tunnels\":[{\"name\":\"t\",\"state\":\"up\",\"start\":\"manual\"," \
		"\"access_list\":\"a\",\"orphans\":0,\"children\":[],\"no_sa\":[\"entry 20: A === B\"]}," \
		"{\"name\":\"u\",\"state\":\"down\",\"start\":\"manual\",\"access_list\":\"a\",\"orphans\":0," \
		"\"children\":[],\"reason\":\"manual\",\"why\":\"w\"}]}]}"

#define P_DOWN	"p: down, l -> r\n" \
		"    last error, 40 s ago, 3 times: it does not answer\n" \
		"    last initiator that was refused, 1 s ago: x\n" \
		"    tunnel t: failed, start at-load, access-list a\n" \
		"      failed: it does not answer\n      next try in 12 s\n"
#define Q_UP	"q: up, l -> r\n    tunnel t: up, start manual, access-list a\n" \
		"      the peer did not grant, so no SA takes entry 20: A === B\n" \
		"    tunnel u: down, start manual, access-list a\n      manual: w\n"

static void why_it_is_down(void **state)
{
	(void)state;
	assert_shown(false, DOWN, P_DOWN Q_UP);
}

static void assert_one(char *name, int status, const char *expected)
{
	char *argv[] = { "peers", name, NULL };
	const struct cli cli = { .json = false };
	FILE *was = stdout;
	char *out = NULL;
	size_t len;
	int ret;

	answer_text = DOWN;
	*error = '\0';
	stdout = open_memstream(&out, &len);
	ret = cli_show(&cli, 2, argv);
	fclose(stdout);
	stdout = was;
	assert_int_equal(ret, status);
	assert_string_equal(out, expected);
	free(out);
}

/* a script asks for the exit status */
static void one_peer(void **state)
{
	(void)state;
	assert_one("p", CLI_FAILED, P_DOWN);
	assert_one("q", CLI_DONE, Q_UP);
	assert_one("q/t", CLI_DONE, Q_UP);
	assert_one("q/u", CLI_FAILED, Q_UP);
	assert_one("x", CLI_FAILED, "");
	assert_string_equal(error, "no peer is called 'x'");
	assert_one("q/x", CLI_FAILED, "");
	assert_string_equal(error, "peer q has no tunnel called 'x'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_form),
		cmocka_unit_test(detailed_form),
		cmocka_unit_test(pairs_of_selectors),
		cmocka_unit_test(json_is_the_daemons),
		cmocka_unit_test(detail_is_for_peers),
		cmocka_unit_test(why_it_is_down),
		cmocka_unit_test(one_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
