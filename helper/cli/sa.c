// SPDX-License-Identifier: GPL-2.0
/* sa add|del|move|dummy|flush|batch: SAs by hand, for tests and for want of a peer with IKE. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nfipsec.h>

#include "cli/cli.h"
#include "conf/scan.h"
#include "core/buf.h"
#include "crypto/alg.h"

struct request {
	struct kern_sa sa;
	uint8_t encr_key[NFIPSEC_KEY_MAX], integ_key[NFIPSEC_KEY_MAX];
	struct kern_ends to;		/* move */
	uint32_t dummy_packets, dummy_bytes;
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

/* 0x..., into @key; its length or 0 */
static size_t parse_key(const char *s, uint8_t *key)
{
	size_t len = strlen(s);

	if (strncmp(s, "0x", 2) || len - 2 > 2 * NFIPSEC_KEY_MAX || !hex_decode(s + 2, len - 2, key))
		return 0;
	return (len - 2) / 2;
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
static int set_prefix(const char *text, struct ts *side)
{
	char copy[ADDR_STRLEN + 4], *slash;
	uint64_t bits = UINT64_MAX;
	struct addr net;
	struct ts range;

	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (!addr_parse(copy, &net) || (slash && !parse_u64(slash + 1, 8 * addr_len(&net), &bits)))
		return expected(text, "a prefix such as 10.1.0.0/16 or 2001:db8::/32");
	ts_from_prefix(&net, slash ? bits : 8 * addr_len(&net), &range);
	side->min = range.min;
	side->max = range.max;
	return CLI_DONE;
}

static struct conf_word word(const char *text)
{
	return (struct conf_word){ text, strlen(text) };
}

/* src, dst and what narrows them; returns CLI_USAGE for what is none of them */
static int set_selector(struct kern_sa *sa, const char *name, const char *value)
{
	struct ts *src = &sa->sels[0].src, *dst = &sa->sels[0].dst;

	if (!strcmp(name, "src") || !strcmp(name, "dst")) {
		sa->n_sels = 1;
		return set_prefix(value, strcmp(name, "src") ? dst : src);
	}
	if (!strcmp(name, "src-port") || !strcmp(name, "dst-port")) {
		sa->n_sels = 1;
		if (!conf_value_ports(word(value), strcmp(name, "src-port") ? dst : src))
			return expected(value, "a port such as 22, or a range such as 5000-5010");
		return CLI_DONE;
	}
	if (!strcmp(name, "sel-proto")) {
		sa->n_sels = 1;
		if (!conf_value_proto(word(value), &src->proto))
			return expected(value, "tcp, udp, icmp, icmpv6, sctp or a protocol's number");
		dst->proto = src->proto;
		return CLI_DONE;
	}
	return CLI_USAGE;
}

static int set_addr(const char *value, struct addr *out)
{
	return addr_parse(value, out) ? CLI_DONE : expected(value, "an address");
}

static int set_port(const char *value, uint16_t *out)
{
	uint64_t n;

	if (!parse_u64(value, UINT16_MAX, &n) || !n)
		return expected(value, "a UDP port");
	*out = n;
	return CLI_DONE;
}

static int set_key(const char *name, const char *value, uint8_t *room, struct bytes *key)
{
	*key = (struct bytes){ room, parse_key(value, room) };
	return key->len ? CLI_DONE : cli_fail("%s: expected 0x and hexadecimal octets", name);
}

/* Identifiers of the SA, which all verbs take. */
static int set_name(struct kern_sa *sa, const char *name, const char *value)
{
	uint64_t n;

	if (!strcmp(name, "spi")) {
		if (!parse_u64(value, UINT32_MAX, &n))
			return expected(value, "an SPI such as 0x1000");
		sa->spi = n;
	} else if (!strcmp(name, "local")) {
		return set_addr(value, &sa->local);
	} else if (!strcmp(name, "remote")) {
		return set_addr(value, &sa->remote);
	} else if (!strcmp(name, "proto")) {
		if (strcmp(value, "esp") && strcmp(value, "ah"))
			return expected(value, "esp or ah");
		sa->proto = strcmp(value, "esp") ? IPPROTO_AH : IPPROTO_ESP;
	} else {
		return CLI_USAGE;
	}
	return CLI_DONE;
}

static int set_add(struct request *r, const char *name, const char *value)
{
	struct kern_sa *sa = &r->sa;
	uint64_t n;

	if (!strcmp(name, "tunnel")) {
		if (strlen(value) >= sizeof(sa->tunnel))
			return expected(value, "PEER/TUNNEL");
		strcpy(sa->tunnel, value);
	} else if (!strcmp(name, "mode")) {
		if (strcmp(value, "tunnel") && strcmp(value, "transport"))
			return expected(value, "tunnel or transport");
		sa->mode = strcmp(value, "tunnel") ? NFIPSEC_MODE_TRANSPORT : NFIPSEC_MODE_TUNNEL;
	} else if (!strcmp(name, "encr")) {
		return set_alg(sa, value, IKE_TRANSFORM_ENCR);
	} else if (!strcmp(name, "integ")) {
		return set_alg(sa, value, IKE_TRANSFORM_INTEG);
	} else if (!strcmp(name, "key")) {
		return set_key(name, value, r->encr_key, &sa->encr_key);
	} else if (!strcmp(name, "integ-key")) {
		return set_key(name, value, r->integ_key, &sa->integ_key);
	} else if (!strcmp(name, "encap-local")) {
		return set_port(value, &sa->encap_local);
	} else if (!strcmp(name, "encap-remote")) {
		return set_port(value, &sa->encap_remote);
	} else if (!strcmp(name, "orig-local")) {
		return set_addr(value, &sa->orig_local);
	} else if (!strcmp(name, "orig-remote")) {
		return set_addr(value, &sa->orig_remote);
	} else if (!strcmp(name, "window")) {
		if (!parse_u64(value, UINT32_MAX, &n))
			return expected(value, "a number of packets");
		sa->replay_window = n;
	} else if (!strcmp(name, "seq")) {
		if (!parse_u64(value, INT64_MAX, &sa->seq))
			return expected(value, "a sequence number");
	} else {
		return set_selector(sa, name, value);
	}
	return CLI_DONE;
}

static int set_del(struct request *r, const char *name, const char *value)
{
	(void)r;
	(void)name;
	(void)value;
	return CLI_USAGE;
}

static int set_move(struct request *r, const char *name, const char *value)
{
	if (!strcmp(name, "to-local"))
		return set_addr(value, &r->to.local);
	if (!strcmp(name, "to-remote"))
		return set_addr(value, &r->to.remote);
	if (!strcmp(name, "to-local-port"))
		return set_port(value, &r->to.local_port);
	if (!strcmp(name, "to-remote-port"))
		return set_port(value, &r->to.remote_port);
	return CLI_USAGE;
}

static int set_dummy(struct request *r, const char *name, const char *value)
{
	uint64_t n;

	if (strcmp(name, "packets") && strcmp(name, "bytes"))
		return CLI_USAGE;
	if (!parse_u64(value, UINT32_MAX, &n))
		return expected(value, "a number");
	*(strcmp(name, "packets") ? &r->dummy_bytes : &r->dummy_packets) = n;
	return CLI_DONE;
}

static int do_add(struct kern *k, const struct request *r)
{
	return kern_sa_add(k, &r->sa);
}

static int do_del(struct kern *k, const struct request *r)
{
	return kern_sa_del(k, &r->sa);
}

static int do_move(struct kern *k, const struct request *r)
{
	return kern_sa_move(k, &r->sa, &r->to);
}

static int do_dummy(struct kern *k, const struct request *r)
{
	return kern_sa_dummy(k, &r->sa, r->dummy_packets, r->dummy_bytes);
}

static const struct verb {
	const char *name;
	int (*set)(struct request *r, const char *name, const char *value);
	int (*run)(struct kern *k, const struct request *r);
	const char *failed, *words;	/* the words beside those of set_name() */
} verbs[] = {
	{ "add", set_add, do_add, "the SA was refused",
	  ", tunnel, mode, encr, key, integ, integ-key, src, dst, sel-proto, src-port, dst-port, encap-local, encap-remote, orig-local, orig-remote, window, seq or esn" },
	{ "del", set_del, do_del, "the SA was not deleted", "" },
	{ "move", set_move, do_move, "the SA was not moved",
	  ", to-local, to-remote, to-local-port or to-remote-port" },
	{ "dummy", set_dummy, do_dummy, "no dummy was sent", ", packets or bytes" },
};

static int parse_sa(const struct verb *verb, struct request *r, int argc, char **argv)
{
	struct kern_sel *sel = &r->sa.sels[0];
	int i = 1, ret;

	if (!argc || (strcmp(argv[0], "in") && strcmp(argv[0], "out")))
		return expected(argc ? argv[0] : NULL, "in or out");
	r->sa.dir = strcmp(argv[0], "in") ? NFIPSEC_DIR_OUT : NFIPSEC_DIR_IN;
	r->sa.proto = IPPROTO_ESP;
	r->sa.mode = NFIPSEC_MODE_TUNNEL;
	r->dummy_packets = 1;
	sel->src.port_max = sel->dst.port_max = UINT16_MAX;
	while (i < argc) {
		if (verb->set == set_add && !strcmp(argv[i], "esn")) {
			r->sa.esn = true;
			i++;
			continue;
		}
		if (i + 1 == argc)
			return expected(NULL, "a value");
		ret = set_name(&r->sa, argv[i], argv[i + 1]);
		if (ret == CLI_USAGE)
			ret = verb->set(r, argv[i], argv[i + 1]);
		if (ret == CLI_USAGE)
			return cli_fail("found '%s', expected spi, local, remote, proto%s", argv[i],
					verb->words);
		if (ret)
			return ret;
		i += 2;
	}
	if (r->sa.n_sels && (!sel->src.min.family || !sel->dst.min.family))
		return cli_fail("found part of a selector, expected both src and dst");
	if (r->sa.n_sels && sel->src.min.family != sel->dst.min.family)
		return cli_fail("found src and dst of two families, expected one");
	if (!r->sa.orig_local.family != !r->sa.orig_remote.family)
		return cli_fail("found one original address, expected both orig-local and orig-remote");
	if (r->sa.proto == IPPROTO_AH && r->sa.encr)
		return cli_fail("found encr with proto ah, expected integ alone");
	return CLI_DONE;
}

static int sa_run(const struct verb *verb, int argc, char **argv)
{
	struct request *r = calloc(1, sizeof(*r));
	int ret = r ? parse_sa(verb, r, argc, argv) : CLI_FAILED;
	struct kern *k = ret ? NULL : cli_kern();

	if (k)
		ret = cli_kern_status(k, verb->run(k, r), verb->failed);
	else
		ret = CLI_FAILED;
	if (r)
		explicit_bzero(r, sizeof(*r));
	free(r);
	return ret;
}

#define BATCH_WORDS	64
#define BATCH_LINE	2048

/* "add in spi ..." */
static int batch_line(struct kern *k, struct request *r, char *line)
{
	char *argv[BATCH_WORDS], *save, *word;
	int argc = 0, ret;
	size_t i;

	for (word = strtok_r(line, " \t\n", &save); word; word = strtok_r(NULL, " \t\n", &save)) {
		if (argc == BATCH_WORDS)
			return cli_fail("found more than %d words", BATCH_WORDS);
		argv[argc++] = word;
	}
	if (!argc || *argv[0] == '#')
		return CLI_DONE;
	for (i = 0; i < sizeof(verbs) / sizeof(*verbs) && strcmp(argv[0], verbs[i].name); i++)
		;
	if (i == sizeof(verbs) / sizeof(*verbs))
		return expected(argv[0], "add, del, move or dummy");
	memset(r, 0, sizeof(*r));
	ret = parse_sa(&verbs[i], r, argc - 1, argv + 1);
	if (!ret && verbs[i].run(k, r))
		ret = cli_fail("%s: %s", verbs[i].failed, kern_error(k));
	return ret;
}

/* Many at once: a line is what stands behind `nfipsec sa`. Ends at the first that fails. */
static int sa_batch(int argc, char **argv)
{
	char line[BATCH_LINE];
	unsigned int number = 0;
	struct request *r;
	struct kern *k;
	FILE *f = stdin;
	int ret = CLI_DONE;

	if (argc != 1)
		return CLI_USAGE;
	if (strcmp(argv[0], "-"))
		f = fopen(argv[0], "r");
	if (!f)
		return cli_fail("%s: cannot be read", argv[0]);
	r = calloc(1, sizeof(*r));
	k = r ? cli_kern() : NULL;
	while (k && !ret && fgets(line, sizeof(line), f)) {
		number++;
		ret = strlen(line) == sizeof(line) - 1 ? cli_fail("found a line without end") :
							 batch_line(k, r, line);
	}
	if (k && ret)
		cli_fail("line %u of %s", number, argv[0]);
	explicit_bzero(line, sizeof(line));
	if (r)
		explicit_bzero(r, sizeof(*r));
	free(r);
	if (f != stdin)
		fclose(f);
	if (!k)
		return CLI_FAILED;
	kern_close(k);
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
	size_t i;

	(void)cli;
	if (argc && !strcmp(argv[0], "flush"))
		return sa_flush(argc - 1, argv + 1);
	if (argc && !strcmp(argv[0], "batch"))
		return sa_batch(argc - 1, argv + 1);
	for (i = 0; argc && i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(argv[0], verbs[i].name))
			return sa_run(&verbs[i], argc - 1, argv + 1);
	return CLI_USAGE;
}
