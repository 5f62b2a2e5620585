// SPDX-License-Identifier: GPL-2.0
/* explain: which entry, tunnel and SA take a packet, and why. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/nfipsec.h>

#include "cli/cli.h"
#include "conf/scan.h"

/* ADDRESS, IPV4:PORT or [IPV6]:PORT */
static bool parse_end(const char *s, struct addr *addr, uint16_t *port)
{
	const char *colon = strrchr(s, ':');
	char text[ADDR_STRLEN];
	bool brackets = *s == '[';
	uint64_t n;

	*port = 0;
	if (!colon || addr_parse(s, addr))
		return addr_parse(s, addr);
	if (brackets && (colon - s < 2 || colon[-1] != ']'))
		return false;
	if (!conf_value_copy((struct conf_word){ s + brackets, colon - s - 2 * brackets }, text,
			     sizeof(text)) ||
	    !conf_value_number((struct conf_word){ colon + 1, strlen(colon + 1) }, 65535, &n))
		return false;
	*port = n;
	return addr_parse(text, addr) && brackets == (addr->family == AF_INET6);
}

/* finds the standbys of an entry */
struct standbys {
	const struct kern_entry *e;
	bool found;		/* the entry was the last that is no standby */
	unsigned int n;
};

static void print_standby(const struct kern_entry *e, void *arg)
{
	struct standbys *s = arg;

	if (!e->standby)
		s->found = e->number == s->e->number && !strcmp(e->list, s->e->list);
	else if (s->found && !s->n++)
		cli_print("standby: neither has tunnel %s", e->tunnel);
	else if (s->found)
		cli_print(", nor %s", e->tunnel);
}

/* The packet of @e is held. Names the tunnels that would have taken over. */
static int say_standbys(struct kern *k, const struct kern_entry *e)
{
	struct standbys s = { .e = e };
	int ret = kern_policy_dump(k, print_standby, &s);

	if (s.n)
		cli_print(" an SA that takes the packet\n");
	return ret;
}

static void say_why(const struct kern_flow *flow, const struct kern_entry *e, bool found_entry,
		    bool found_sa)
{
	bool in = flow->dir == NFIPSEC_DIR_IN;

	if (!found_entry) {
		cli_print("no entry matches, or it is IKE itself: the packet passes in clear\n");
		return;
	}
	cli_entry_print(e);
	switch (e->action) {
	case NFIPSEC_ACTION_BYPASS:
		cli_print("bypass: the packet passes in clear\n");
		break;
	case NFIPSEC_ACTION_DISCARD:
		if (e->strict)
			cli_print("strict: no entry takes this packet, and entry %u lets nothing else %s there: it is dropped\n",
				  e->number, in ? "come from" : "go");
		else
			cli_print("discard: the packet is dropped\n");
		break;
	case NFIPSEC_ACTION_PROTECT:
		if (in)
			cli_print("protect: the packet must come by an SA of tunnel %s; in clear it is dropped\n",
				  e->tunnel);
		else if (found_sa)
			cli_print("protect: the packet leaves by this SA of tunnel %s%s\n", e->tunnel,
				  e->standby ? ", because no tunnel of better priority has one that takes it" : "");
		else
			cli_print("protect: tunnel %s has no SA, so the packet is held and IKE is asked for one\n",
				  e->tunnel);
		break;
	}
}

/* Sets @strict of the entry at @arg if the same entry @e of the policy has it. */
static void copy_strict(const struct kern_entry *e, void *arg)
{
	struct kern_entry *found = arg;

	if (e->strict && e->number == found->number && !strcmp(e->list, found->list))
		found->strict = true;
}

/* prints or collects the SAs of the tunnel whose selectors do not take the packet */
struct others {
	const struct kern_entry *e;
	uint8_t dir;
	json_t *array;
	bool print;
};

static void each_other(const struct kern_sa *sa, void *arg)
{
	struct others *o = arg;

	if (sa->dir != o->dir || strcmp(sa->tunnel, o->e->tunnel))
		return;
	if (o->print) {
		if (!json_array_size(o->array))
			cli_print("these SAs of the tunnel do not take it, by their selectors:\n");
		cli_sa_print(sa);
	}
	json_array_append_new(o->array, cli_sa_json(sa));
}

static const char *text_of(const json_t *o)
{
	const char *s = json_string_value(json_object_get(o, "text"));

	return s ? s : "";
}

static void say_reach(const json_t *reach)
{
	static const char *const keys[] = { "route", "nat", "daemon" };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (*text_of(json_object_get(reach, keys[i])))
			cli_print("%s: %s\n", keys[i], text_of(json_object_get(reach, keys[i])));
}

static bool is_protected(const struct kern_entry *e, bool found_entry)
{
	return found_entry && e->action == NFIPSEC_ACTION_PROTECT;
}

/* the answer of the lists, and what the kernel and the daemon make of the packet beside them */
static int say_all(const struct cli *cli, struct kern *k, const struct kern_flow *flow,
		   const struct kern_entry *e, bool found_entry, const struct kern_sa *sa, bool found_sa,
		   json_t *no_policy)
{
	struct others o = { .e = e, .dir = flow->dir, .array = json_array(), .print = !cli->json };
	bool protect = is_protected(e, found_entry);
	json_t *all = json_object();
	int ret = 0;

	cli_reach(cli, flow, protect && !found_sa && flow->dir == NFIPSEC_DIR_OUT ? e->tunnel : NULL, all);
	if (!cli->json) {
		say_why(flow, e, found_entry, found_sa);
		if (found_sa)
			cli_sa_print(sa);
	}
	if (protect && !found_sa && flow->dir == NFIPSEC_DIR_OUT && !cli->json)
		ret = say_standbys(k, e);
	if (protect && !found_sa && !ret)
		ret = kern_sa_dump(k, each_other, &o);
	if (!cli->json)
		say_reach(all);
	json_object_set_new(all, "entry", found_entry ? cli_entry_json(e) : json_null());
	json_object_set_new(all, "sa", found_sa ? cli_sa_json(sa) : json_null());
	json_object_set_new(all, "others", o.array);
	if (!cli->json) {
		json_decref(all);
		return ret;
	}
	cli_print_json(cli_with_no_policy(all, no_policy));
	return ret;
}

int cli_explain(const struct cli *cli, int argc, char **argv)
{
	struct kern_flow flow = { .dir = NFIPSEC_DIR_OUT };
	bool found_entry = false, found_sa = false;
	struct kern_entry entry = { 0 };
	json_t *no_policy = NULL;
	struct kern_sa *sa;
	struct kern *k;
	int ret;

	if (argc && (!strcmp(argv[0], "in") || !strcmp(argv[0], "out"))) {
		flow.dir = strcmp(argv[0], "in") ? NFIPSEC_DIR_OUT : NFIPSEC_DIR_IN;
		argc--;
		argv++;
	}
	if (argc != 3)
		return CLI_USAGE;
	if (!conf_value_proto((struct conf_word){ argv[0], strlen(argv[0]) }, &flow.proto))
		return cli_fail("found '%s', expected tcp, udp, icmp, icmpv6 or a protocol's number", argv[0]);
	if (!parse_end(argv[1], &flow.src, &flow.sport))
		return cli_fail("found '%s', expected ADDRESS, IPV4:PORT or [IPV6]:PORT", argv[1]);
	if (!parse_end(argv[2], &flow.dst, &flow.dport))
		return cli_fail("found '%s', expected ADDRESS, IPV4:PORT or [IPV6]:PORT", argv[2]);

	if (flow.src.family != flow.dst.family)
		return cli_fail("found addresses of two families, expected one");

	sa = calloc(1, sizeof(*sa));
	k = sa ? cli_kern_to_show(cli, &no_policy) : NULL;
	if (!k) {
		free(sa);
		return CLI_FAILED;
	}
	ret = kern_explain(k, &flow, &entry, &found_entry, sa, &found_sa);
	if (!ret && found_entry && entry.action == NFIPSEC_ACTION_DISCARD)
		ret = kern_policy_dump(k, copy_strict, &entry);
	if (!ret)
		ret = say_all(cli, k, &flow, &entry, found_entry, sa, found_sa, json_incref(no_policy));
	ret = cli_kern_status(k, ret, "explain");
	json_decref(no_policy);
	free(sa);
	return ret;
}
