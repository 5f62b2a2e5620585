// SPDX-License-Identifier: GPL-2.0
/* sa add|del|flush: security associations by hand, for tests and for want of a peer with IKE. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nfipsec.h>

#include "cli/cli.h"
#include "ike/alg.h"

struct request {
	struct kern_sa sa;
	uint8_t encr_key[NFIPSEC_KEY_MAX], integ_key[NFIPSEC_KEY_MAX];
};

static int expected(const char *found, const char *what)
{
	return cli_fail("found '%s', expected %s", found ? found : "the end", what);
}

static bool parse_u64(const char *s, uint64_t max, uint64_t *out)
{
	char *end;

	*out = strtoull(s, &end, 0);
	return *s && *s != '-' && !*end && *out <= max;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c | 0x20);

	return c && at ? at - digits : -1;
}

/* 0x..., into @key; its length or 0 */
static size_t parse_key(const char *s, uint8_t *key)
{
	size_t len = 0;

	if (strncmp(s, "0x", 2))
		return 0;
	for (s += 2; *s; s += 2) {
		int high = hex_digit(s[0]), low = high < 0 ? -1 : hex_digit(s[1]);

		if (low < 0 || len == NFIPSEC_KEY_MAX)
			return 0;
		key[len++] = high << 4 | low;
	}
	return len;
}

static int set_alg(struct kern_sa *sa, const char *word, uint8_t type)
{
	const struct ike_alg *alg = ike_alg_by_name(word, strlen(word));

	if (!alg || alg->type != type)
		return expected(word, type == IKE_TRANSFORM_ENCR ? "an encryption such as aes128gcm16" :
				"an integrity algorithm such as sha256");
	if (type == IKE_TRANSFORM_ENCR)
		sa->encr = alg->id;
	else
		sa->integ = alg->id;
	return CLI_DONE;
}

/* 10.1.0.0/16 or an address alone: one side of the SA's selector, as its packets look */
static int set_selector(struct kern_sa *sa, const char *text, struct ts *side)
{
	char copy[ADDR_STRLEN + 4], *slash;
	uint64_t bits = UINT64_MAX;
	struct addr net;

	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (!addr_parse(copy, &net) || (slash && !parse_u64(slash + 1, 8 * addr_len(&net), &bits)))
		return expected(text, "a prefix such as 10.1.0.0/16");
	ts_from_prefix(&net, slash ? bits : 8 * addr_len(&net), side);
	sa->n_sels = 1;
	return CLI_DONE;
}

/* one "name value" pair */
static int set_option(struct request *r, const char *name, const char *value)
{
	struct kern_sa *sa = &r->sa;
	uint64_t n;

	if (!strcmp(name, "tunnel")) {
		if (strlen(value) >= sizeof(sa->tunnel))
			return expected(value, "PEER/TUNNEL");
		strcpy(sa->tunnel, value);
	} else if (!strcmp(name, "spi")) {
		if (!parse_u64(value, UINT32_MAX, &n))
			return expected(value, "an SPI such as 0x1000");
		sa->spi = n;
	} else if (!strcmp(name, "local")) {
		if (!addr_parse(value, &sa->local))
			return expected(value, "an address");
	} else if (!strcmp(name, "remote")) {
		if (!addr_parse(value, &sa->remote))
			return expected(value, "an address");
	} else if (!strcmp(name, "src")) {
		return set_selector(sa, value, &sa->sels[0].src);
	} else if (!strcmp(name, "dst")) {
		return set_selector(sa, value, &sa->sels[0].dst);
	} else if (!strcmp(name, "encr")) {
		return set_alg(sa, value, IKE_TRANSFORM_ENCR);
	} else if (!strcmp(name, "integ")) {
		return set_alg(sa, value, IKE_TRANSFORM_INTEG);
	} else if (!strcmp(name, "key")) {
		sa->encr_key = (struct bytes){ r->encr_key, parse_key(value, r->encr_key) };
		if (!sa->encr_key.len)
			return cli_fail("key: expected 0x and hexadecimal octets");
	} else if (!strcmp(name, "integ-key")) {
		sa->integ_key = (struct bytes){ r->integ_key, parse_key(value, r->integ_key) };
		if (!sa->integ_key.len)
			return cli_fail("integ-key: expected 0x and hexadecimal octets");
	} else if (!strcmp(name, "encap-local") || !strcmp(name, "encap-remote")) {
		if (!parse_u64(value, UINT16_MAX, &n) || !n)
			return expected(value, "a UDP port");
		*(strcmp(name, "encap-local") ? &sa->encap_remote : &sa->encap_local) = n;
	} else if (!strcmp(name, "window")) {
		if (!parse_u64(value, UINT32_MAX, &n))
			return expected(value, "a number of packets");
		sa->replay_window = n;
	} else {
		return expected(name, "tunnel, spi, local, remote, src, dst, encr, key, integ, integ-key, encap-local, encap-remote, window or esn");
	}
	return CLI_DONE;
}

static int parse_sa(struct request *r, int argc, char **argv)
{
	int i = 1, ret;

	if (!argc || (strcmp(argv[0], "in") && strcmp(argv[0], "out")))
		return expected(argc ? argv[0] : NULL, "in or out");
	r->sa.dir = strcmp(argv[0], "in") ? NFIPSEC_DIR_OUT : NFIPSEC_DIR_IN;
	r->sa.proto = IPPROTO_ESP;
	r->sa.mode = NFIPSEC_MODE_TUNNEL;
	while (i < argc) {
		if (!strcmp(argv[i], "esn")) {
			r->sa.esn = true;
			i++;
			continue;
		}
		if (i + 1 == argc)
			return expected(NULL, "a value");
		ret = set_option(r, argv[i], argv[i + 1]);
		if (ret)
			return ret;
		i += 2;
	}
	if (r->sa.n_sels && (!r->sa.sels[0].src.min.family || !r->sa.sels[0].dst.min.family))
		return cli_fail("found one of src and dst, expected both");
	return CLI_DONE;
}

static int sa_change(int argc, char **argv, int (*change)(struct kern *k, const struct kern_sa *sa),
		     const char *what)
{
	struct request *r = calloc(1, sizeof(*r));
	int ret = r ? parse_sa(r, argc, argv) : CLI_FAILED;
	struct kern *k = ret ? NULL : cli_kern();

	if (k)
		ret = cli_kern_status(k, change(k, &r->sa), what);
	else
		ret = CLI_FAILED;
	if (r)
		explicit_bzero(r, sizeof(*r));
	free(r);
	return ret;
}

static int sa_flush(int argc, char **argv)
{
	struct kern *k;

	if (argc && (argc != 2 || strcmp(argv[0], "tunnel")))
		return CLI_USAGE;
	k = cli_kern();
	return k ? cli_kern_status(k, kern_sa_flush(k, argc ? argv[1] : NULL), "flush") : CLI_FAILED;
}

int cli_sa(const struct cli *cli, int argc, char **argv)
{
	(void)cli;
	if (argc && !strcmp(argv[0], "add"))
		return sa_change(argc - 1, argv + 1, kern_sa_add, "the SA was refused");
	if (argc && !strcmp(argv[0], "del"))
		return sa_change(argc - 1, argv + 1, kern_sa_del, "the SA was not deleted");
	if (argc && !strcmp(argv[0], "flush"))
		return sa_flush(argc - 1, argv + 1);
	return CLI_USAGE;
}
