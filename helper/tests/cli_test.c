// SPDX-License-Identifier: GPL-2.0
/* Words of the command line to what the module is asked; a fake module takes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/cli.h"

/* the library has the real ones, which other parts of it may want */
#define kern_sa_add fake_sa_add
#define kern_sa_del fake_sa_del
#define kern_sa_move fake_sa_move
#define kern_sa_dummy fake_sa_dummy
#define kern_sa_flush fake_sa_flush
#define kern_explain fake_explain

static int kern_sa_add(struct kern *k, const struct kern_sa *sa);
static int kern_sa_del(struct kern *k, const struct kern_sa *sa);
static int kern_sa_move(struct kern *k, const struct kern_sa *sa, const struct kern_ends *to);
static int kern_sa_dummy(struct kern *k, const struct kern_sa *sa, uint32_t packets, uint32_t bytes);
static int kern_sa_flush(struct kern *k, const char *tunnel);
static int kern_explain(struct kern *k, const struct kern_flow *flow, struct kern_entry *entry,
			bool *found_entry, struct kern_sa *sa, bool *found_sa);

#include "cli/sa.c"
#include "cli/explain.c"

/* ---- in place of cli.c, show.c and kern.c ---- */

static struct {
	const char *what;
	struct kern_sa sa;
	uint8_t key[NFIPSEC_KEY_MAX], integ_key[NFIPSEC_KEY_MAX];
	struct kern_ends to;
	uint32_t packets, bytes;
	struct kern_flow flow;
	char error[400];
} seen;

int cli_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(seen.error, sizeof(seen.error), fmt, ap);
	va_end(ap);
	return CLI_FAILED;
}

struct kern *cli_kern(void)
{
	return (struct kern *)&seen;
}

struct kern *cli_kern_to_show(const struct cli *cli, json_t **no_policy)
{
	(void)cli;
	*no_policy = NULL;
	return cli_kern();
}

json_t *cli_with_no_policy(json_t *object, json_t *no_policy)
{
	assert_null(no_policy);
	return object;
}

void cli_reach(const struct cli *cli, const struct kern_flow *flow, const char *tunnel, json_t *reach)
{
	(void)cli;
	(void)flow;
	(void)reach;
	assert_null(tunnel);
}

int cli_kern_status(struct kern *k, int ret, const char *what)
{
	(void)what;
	assert_ptr_equal(k, &seen);
	return ret ? CLI_FAILED : CLI_DONE;
}

static int take(const char *what, const struct kern_sa *sa)
{
	seen.what = what;
	seen.sa = *sa;
	/* the keys are wiped once this returns */
	if (sa->encr_key.len)
		memcpy(seen.key, sa->encr_key.p, sa->encr_key.len);
	if (sa->integ_key.len)
		memcpy(seen.integ_key, sa->integ_key.p, sa->integ_key.len);
	return 0;
}

static int kern_sa_add(struct kern *k, const struct kern_sa *sa)
{
	(void)k;
	return take("add", sa);
}

static int kern_sa_del(struct kern *k, const struct kern_sa *sa)
{
	(void)k;
	return take("del", sa);
}

static int kern_sa_move(struct kern *k, const struct kern_sa *sa, const struct kern_ends *to)
{
	(void)k;
	seen.to = *to;
	return take("move", sa);
}

static int kern_sa_dummy(struct kern *k, const struct kern_sa *sa, uint32_t packets, uint32_t bytes)
{
	(void)k;
	seen.packets = packets;
	seen.bytes = bytes;
	return take("dummy", sa);
}

static int kern_sa_flush(struct kern *k, const char *tunnel)
{
	(void)k;
	seen.what = tunnel ? "flush one" : "flush";
	return 0;
}

static int kern_explain(struct kern *k, const struct kern_flow *flow, struct kern_entry *entry,
			bool *found_entry, struct kern_sa *sa, bool *found_sa)
{
	(void)k;
	(void)entry;
	(void)found_entry;
	(void)sa;
	(void)found_sa;
	seen.what = "explain";
	seen.flow = *flow;
	return 0;
}

int cli_print_json(json_t *value)
{
	json_decref(value);
	return CLI_DONE;
}

json_t *cli_sa_json(const struct kern_sa *sa)
{
	(void)sa;
	return json_null();
}

json_t *cli_entry_json(const struct kern_entry *e)
{
	(void)e;
	return json_null();
}

void cli_sa_print(const struct kern_sa *sa)
{
	(void)sa;
}

void cli_entry_print(const struct kern_entry *e)
{
	(void)e;
}

/* ---- the tests ---- */

/* the words of @line to @command; without a shell's quotes */
static int run(int (*command)(const struct cli *cli, int argc, char **argv), const char *line)
{
	static const struct cli cli = { .json = true };
	char copy[600], *argv[64], *word, *rest;
	int argc = 0;

	memset(&seen, 0, sizeof(seen));
	snprintf(copy, sizeof(copy), "%s", line);
	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc] = NULL;
	return command(&cli, argc, argv);
}

static void assert_addr(const struct addr *a, const char *expected)
{
	char s[ADDR_STRLEN];

	assert_string_equal(addr_str(a, s, sizeof(s)), expected);
}

static void assert_ts(const struct ts *ts, const char *expected)
{
	char s[TS_STRLEN];

	assert_string_equal(ts_str(ts, s, sizeof(s)), expected);
}

static void esp_in_a_tunnel(void **state)
{
	(void)state;
	assert_int_equal(run(cli_sa, "add out tunnel p/t spi 0x1000 local 192.0.2.1 remote 192.0.2.2 encr "
			     "aes128gcm16iiv key 0x00112233445566778899aabbccddeeff01020304 esn"), 0);
	assert_string_equal(seen.what, "add");
	assert_int_equal(seen.sa.dir, NFIPSEC_DIR_OUT);
	assert_int_equal(seen.sa.proto, IPPROTO_ESP);
	assert_int_equal(seen.sa.mode, NFIPSEC_MODE_TUNNEL);
	assert_int_equal(seen.sa.encr, NFIPSEC_ENCR_AES_GCM_16_IIV);
	assert_int_equal(seen.sa.encr_key.len, 20);
	assert_int_equal(seen.key[1], 0x11);
	assert_int_equal(seen.key[19], 0x04);
	assert_true(seen.sa.esn);
	assert_int_equal(seen.sa.n_sels, 0);
}

static void ah_between_hosts(void **state)
{
	(void)state;
	assert_int_equal(run(cli_sa, "add in proto ah mode transport tunnel p/t spi 4096 local 2001:db8::1 "
			     "remote 2001:db8::2 integ sha256 integ-key 0x0102 sel-proto tcp "
			     "dst-port 22-23 src 2001:db8::2 dst 2001:db8::/64 window 64"), 0);
	assert_int_equal(seen.sa.proto, IPPROTO_AH);
	assert_int_equal(seen.sa.mode, NFIPSEC_MODE_TRANSPORT);
	assert_int_equal(seen.sa.encr, 0);
	assert_int_equal(seen.sa.integ, NFIPSEC_INTEG_HMAC_SHA2_256_128);
	assert_int_equal(seen.sa.replay_window, 64);
	assert_addr(&seen.sa.local, "2001:db8::1");
	assert_int_equal(seen.sa.n_sels, 1);
	assert_ts(&seen.sa.sels[0].src, "tcp 2001:db8::2");
	assert_ts(&seen.sa.sels[0].dst, "tcp 2001:db8::/64 port 22-23");
}

static void move_and_dummy(void **state)
{
	(void)state;
	assert_int_equal(run(cli_sa, "move in spi 0x1000 local 192.0.2.1 remote 192.0.2.2 to-local "
			     "192.0.2.1 to-remote 192.0.2.9 to-local-port 4500 to-remote-port 4501"), 0);
	assert_string_equal(seen.what, "move");
	assert_addr(&seen.to.remote, "192.0.2.9");
	assert_int_equal(seen.to.local_port, 4500);
	assert_int_equal(seen.to.remote_port, 4501);
	assert_addr(&seen.sa.remote, "192.0.2.2");
	assert_int_equal(run(cli_sa, "dummy out spi 0x1000 local ::1 remote ::2 packets 3 bytes 1200"), 0);
	assert_int_equal(seen.packets, 3);
	assert_int_equal(seen.bytes, 1200);
	assert_int_equal(run(cli_sa, "dummy out spi 0x1000 local ::1 remote ::2"), 0);
	assert_int_equal(seen.packets, 1);
	assert_int_equal(run(cli_sa, "del out proto ah spi 0x1000 local ::1 remote ::2"), 0);
	assert_string_equal(seen.what, "del");
	assert_int_equal(seen.sa.proto, IPPROTO_AH);
	assert_int_equal(run(cli_sa, "flush tunnel p/t"), 0);
	assert_string_equal(seen.what, "flush one");
}

static void refusals_say_why(void **state)
{
	static const struct { const char *line, *error; } rows[] = {
		{ "add sideways", "found 'sideways', expected in or out" },
		{ "add out proto tcp", "found 'tcp', expected esp or ah" },
		{ "add out mode bridge", "found 'bridge', expected tunnel or transport" },
		{ "add out encr sha256", "found 'sha256', expected an encryption such as aes128gcm16" },
		{ "add out proto ah encr null", "found encr with proto ah, expected integ alone" },
		{ "add out src 10.0.0.0/8", "found part of a selector, expected both src and dst" },
		{ "add out sel-proto tcp", "found part of a selector, expected both src and dst" },
		{ "add out src 10.0.0.0/8 dst ::/0", "found src and dst of two families, expected one" },
		{ "add out src-port 70000",
		  "found '70000', expected a port such as 22, or a range such as 5000-5010" },
		{ "add out key 0x1", "key: expected 0x and hexadecimal octets" },
		/* 0x12, which bit 5 makes a digit of */
		{ "add out key 0x\x12\x12", "key: expected 0x and hexadecimal octets" },
		{ "del out tunnel p/t", "found 'tunnel', expected spi, local, remote, proto" },
		{ "move out to-port 1", "found 'to-port', expected spi, local, remote, proto, to-local, "
		  "to-remote, to-local-port or to-remote-port" },
		{ "dummy out packets many", "found 'many', expected a number" },
		{ "add out spi", "found 'the end', expected a value" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(run(cli_sa, rows[i].line), CLI_FAILED);
		assert_string_equal(seen.error, rows[i].error);
		assert_null(seen.what);
	}
	assert_int_equal(run(cli_sa, "paint out"), CLI_USAGE);
}

static void flows_of_both_families(void **state)
{
	(void)state;
	assert_int_equal(run(cli_explain, "out tcp [2001:db8::1]:1024 [2001:db8::2]:443"), 0);
	assert_string_equal(seen.what, "explain");
	assert_addr(&seen.flow.src, "2001:db8::1");
	assert_int_equal(seen.flow.sport, 1024);
	assert_int_equal(seen.flow.dport, 443);
	assert_int_equal(run(cli_explain, "in icmpv6 2001:db8::1 ::ffff"), 0);
	assert_int_equal(seen.flow.proto, IPPROTO_ICMPV6);
	assert_int_equal(seen.flow.dir, NFIPSEC_DIR_IN);
	assert_addr(&seen.flow.dst, "::ffff");
	assert_int_equal(seen.flow.dport, 0);
	assert_int_equal(run(cli_explain, "udp 10.0.0.1:53 10.0.0.2"), 0);
	assert_int_equal(seen.flow.sport, 53);
	assert_int_equal(run(cli_explain, "udp 10.0.0.1 2001:db8::2"), CLI_FAILED);
	assert_string_equal(seen.error, "found addresses of two families, expected one");
	assert_int_equal(run(cli_explain, "udp [10.0.0.1]:53 10.0.0.2"), CLI_FAILED);
	assert_int_equal(run(cli_explain, "udp [2001:db8::1 10.0.0.2"), CLI_FAILED);
	assert_int_equal(run(cli_explain, "udp [:1 10.0.0.2"), CLI_FAILED);
}

/* the entry that explain got from the module learns from the policy that it is strict */
static void strict_entries_are_named(void **state)
{
	struct kern_entry found = { .list = "b", .number = 10, .action = NFIPSEC_ACTION_DISCARD };
	struct kern_entry e = { .list = "a", .number = 10, .action = NFIPSEC_ACTION_DISCARD };

	(void)state;
	e.strict = true;
	copy_strict(&e, &found);
	assert_false(found.strict);
	strcpy(e.list, "b");
	e.strict = false;
	copy_strict(&e, &found);
	assert_false(found.strict);
	e.strict = true;
	copy_strict(&e, &found);
	assert_true(found.strict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(esp_in_a_tunnel),
		cmocka_unit_test(ah_between_hosts),
		cmocka_unit_test(move_and_dummy),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(flows_of_both_families),
		cmocka_unit_test(strict_entries_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
