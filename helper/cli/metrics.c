// SPDX-License-Identifier: GPL-2.0
/*
 * metrics: the state of the daemon and of the module as OpenMetrics text.
 *
 * The labels peer and tunnel have names of the configuration as values. All other labels have
 * values of fixed lists. So a peer or an attacker cannot add a time series.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/nfipsec.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/version.h"

/**
 * struct module - the state of the module
 * @loaded: the module is loaded
 * @has_policy: a policy is in force
 * @tunnels: tunnels of the policy
 * @stats: counters of the module
 * @n_tunnels: number of @tunnels
 * @n_stats: number of @stats
 * @sas: number of SAs by NFIPSEC_DIR_*
 */
struct module {
	bool loaded, has_policy;
	struct kern_tunnel *tunnels;
	struct kern_stat *stats;
	unsigned int n_tunnels, n_stats;
	unsigned long long sas[NFIPSEC_DIR_OUT + 1];
};

/* ---- the text ---- */

/* Prints a label value. OpenMetrics escapes quotes and backslashes; a newline becomes `?`. */
static void put_escaped(const char *value)
{
	char clean[256], *s = clean;

	for (printable_copy(value, strlen(value), clean, sizeof(clean)); *s; s++) {
		if (*s == '\\' || *s == '"')
			printf("\\%c", *s);
		else
			putchar(*s);
	}
}

static void family(const char *name, const char *type, const char *help)
{
	printf("# TYPE nfipsec_%s %s\n# HELP nfipsec_%s %s\n", name, type, name, help);
}

/* Prints a sample. The arguments after @value are the key and value of each label, then NULL. */
static void sample(const char *name, json_int_t value, ...)
{
	const char *key, *sep = "{";
	va_list ap;

	printf("nfipsec_%s", name);
	va_start(ap, value);
	while ((key = va_arg(ap, const char *))) {
		printf("%s%s=\"", sep, key);
		put_escaped(va_arg(ap, const char *));
		putchar('"');
		sep = ",";
	}
	va_end(ap);
	printf("%s %" JSON_INTEGER_FORMAT "\n", *sep == ',' ? "}" : "", value);
}

static const char *text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* ---- the daemon ---- */

/* Returns the value of one family for a peer. */
typedef json_int_t (*peer_value_t)(const json_t *peer);

static json_int_t peer_up(const json_t *peer)
{
	return !strcmp(text(peer, "state"), "up");
}

static json_int_t peer_sas(const json_t *peer)
{
	return json_array_size(json_object_get(peer, "ike_sas"));
}

static json_int_t peer_failures(const json_t *peer)
{
	return number(peer, "failures");
}

static void each_peer(const json_t *data, const char *name, peer_value_t value)
{
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(data, "peers"), i, p)
		sample(name, value(p), "peer", text(p, "name"), NULL);
}

static void peer_families(const json_t *data)
{
	const json_t *p, *f;
	size_t i;

	family("peer_up", "gauge", "Whether an IKE SA with the peer is established.");
	each_peer(data, "peer_up", peer_up);
	family("peer_ike_sas", "gauge", "IKE SAs with the peer, in any state.");
	each_peer(data, "peer_ike_sas", peer_sas);
	family("peer_failures", "counter", "Failures of the peer since it was configured.");
	each_peer(data, "peer_failures_total", peer_failures);
	family("peer_last_failure_timestamp_seconds", "gauge", "Time of the last failure.");
	json_array_foreach(json_object_get(data, "peers"), i, p) {
		f = json_object_get(p, "last_error");
		if (f)
			sample("peer_last_failure_timestamp_seconds", number(f, "last"), "peer",
			       text(p, "name"), NULL);
	}
}

/* Gets the value of one family. Returns false if the tunnel has no sample of it. */
typedef bool (*tunnel_value_t)(const json_t *tunnel, json_int_t *value);

static bool tunnel_up(const json_t *tunnel, json_int_t *value)
{
	*value = !strcmp(text(tunnel, "state"), "up") || number(tunnel, "orphans");
	return true;
}

static bool tunnel_children(const json_t *tunnel, json_int_t *value)
{
	*value = json_array_size(json_object_get(tunnel, "children"));
	return true;
}

static bool tunnel_next_try(const json_t *tunnel, json_int_t *value)
{
	*value = number(tunnel, "next_try");
	return json_object_get(tunnel, "next_try");
}

static bool tunnel_missing(const json_t *tunnel, json_int_t *value)
{
	*value = json_array_size(json_object_get(tunnel, "no_sa"));
	return true;
}

/* of redundant tunnels */
static bool tunnel_active(const json_t *tunnel, json_int_t *value)
{
	*value = !strcmp(text(tunnel, "role"), "active");
	return json_object_get(tunnel, "priority");
}

static void each_tunnel_of(const json_t *data, const char *name, tunnel_value_t value)
{
	const json_t *p, *t;
	json_int_t v;
	size_t i, k;

	json_array_foreach(json_object_get(data, "peers"), i, p)
		json_array_foreach(json_object_get(p, "tunnels"), k, t)
			if (value(t, &v))
				sample(name, v, "peer", text(p, "name"), "tunnel",
				       text(t, "name"), NULL);
}

static void down_reasons(const json_t *data)
{
	const json_t *p, *t;
	size_t i, k;

	json_array_foreach(json_object_get(data, "peers"), i, p)
		json_array_foreach(json_object_get(p, "tunnels"), k, t)
			if (*text(t, "reason"))
				sample("tunnel_down", 1, "peer", text(p, "name"), "tunnel",
				       text(t, "name"), "reason", text(t, "reason"), NULL);
}

static void tunnel_families(const json_t *data)
{
	family("tunnel_up", "gauge", "Whether an SA carries traffic of the tunnel.");
	each_tunnel_of(data, "tunnel_up", tunnel_up);
	family("tunnel_active", "gauge",
	       "Whether a tunnel with priority is the one that takes packets.");
	each_tunnel_of(data, "tunnel_active", tunnel_active);
	family("tunnel_down", "gauge", "1 for a tunnel that is down, with the reason.");
	down_reasons(data);
	family("tunnel_child_sas", "gauge", "CHILD SAs of the tunnel, in any state.");
	each_tunnel_of(data, "tunnel_child_sas", tunnel_children);
	family("tunnel_next_try_seconds", "gauge", "Time until the tunnel is tried again.");
	each_tunnel_of(data, "tunnel_next_try_seconds", tunnel_next_try);
	family("tunnel_ungranted_selectors", "gauge",
	       "Parts of the access list that the peer did not grant, so that no SA takes them.");
	each_tunnel_of(data, "tunnel_ungranted_selectors", tunnel_missing);
}

static void daemon_state(const json_t *data)
{
	const char *name;
	json_t *value;

	family("ike_events", "counter", "Counters of the daemon, by event.");
	json_object_foreach(json_object_get(data, "ike"), name, value)
		sample("ike_events_total", json_integer_value(value), "event", name, NULL);
	family("ike_half_open", "gauge", "IKE SAs whose peer is not authenticated yet.");
	sample("ike_half_open", number(data, "half_open"), NULL);
	family("ike_stranger_jobs", "gauge",
	       "Computations for half-open IKE SAs, queued or running.");
	sample("ike_stranger_jobs", number(data, "stranger_jobs"), NULL);
	family("load_refused", "gauge", "Whether the last load of a configuration was refused.");
	sample("load_refused", *text(data, "refused") != 0, NULL);
}

/* ---- the module ---- */

/* Prints a sample with the two parts of "peer/tunnel" as labels. */
static void module_tunnel(const char *name, const struct kern_tunnel *t, uint64_t value)
{
	char peer[sizeof(t->name)];
	char *slash;

	snprintf(peer, sizeof(peer), "%s", t->name);
	slash = strchr(peer, '/');
	if (slash)
		*slash++ = '\0';
	sample(name, value, "peer", peer, "tunnel", slash ? slash : "", NULL);
}

static void module_tunnels(const struct module *m)
{
	unsigned int i;

	family("tunnel_mtu_bytes", "gauge", "The tunnel's MTU for inner packets.");
	for (i = 0; i < m->n_tunnels; i++)
		module_tunnel("tunnel_mtu_bytes", &m->tunnels[i], m->tunnels[i].mtu);
	family("tunnel_held_packets", "gauge", "Packets that wait for an SA.");
	for (i = 0; i < m->n_tunnels; i++)
		module_tunnel("tunnel_held_packets", &m->tunnels[i], m->tunnels[i].queued);
	family("tunnel_held_dropped", "counter", "Packets dropped because too many waited.");
	for (i = 0; i < m->n_tunnels; i++)
		module_tunnel("tunnel_held_dropped_total", &m->tunnels[i],
			      m->tunnels[i].queue_drops);
	family("tunnel_acquires", "counter", "Requests for an SA.");
	for (i = 0; i < m->n_tunnels; i++)
		module_tunnel("tunnel_acquires_total", &m->tunnels[i], m->tunnels[i].acquires);
}

static void module_state(const struct module *m)
{
	unsigned int i;

	family("sas", "gauge", "SAs in the module.");
	sample("sas", m->sas[NFIPSEC_DIR_IN], "direction", "in", NULL);
	sample("sas", m->sas[NFIPSEC_DIR_OUT], "direction", "out", NULL);
	family("module_events", "counter", "Counters of the module, see COUNTERS in nfipsec(8).");
	for (i = 0; i < m->n_stats; i++)
		sample("module_events_total", m->stats[i].value, "counter", m->stats[i].name, NULL);
}

/* @data: state of the daemon; NULL: no daemon answers */
static void print_metrics(const json_t *data, const struct module *m)
{
	/* a gauge, because the older text format of Prometheus has no type info */
	family("build_info", "gauge", "The version of nfipsec.");
	sample("build_info", 1, "version", NFIPSEC_VERSION, NULL);
	family("daemon_up", "gauge", "Whether nfipsecd answers.");
	sample("daemon_up", data != NULL, NULL);
	family("module_loaded", "gauge", "Whether the kernel module is loaded.");
	sample("module_loaded", m->loaded, NULL);
	family("policy_in_force", "gauge", "Whether a policy is in force.");
	sample("policy_in_force", m->has_policy, NULL);
	if (data) {
		peer_families(data);
		tunnel_families(data);
		daemon_state(data);
	}
	if (m->loaded) {
		module_tunnels(m);
		module_state(m);
	}
	printf("# EOF\n");
}

/* ---- the command ---- */

static void take_tunnel(const struct kern_tunnel *t, void *arg)
{
	struct module *m = arg;
	struct kern_tunnel *more = reallocarray(m->tunnels, m->n_tunnels + 1, sizeof(*more));

	if (!more)
		return;
	m->tunnels = more;
	m->tunnels[m->n_tunnels++] = *t;
}

static void take_stat(const struct kern_stat *s, void *arg)
{
	struct module *m = arg;
	struct kern_stat *more = reallocarray(m->stats, m->n_stats + 1, sizeof(*more));

	if (!more)
		return;
	m->stats = more;
	m->stats[m->n_stats++] = *s;
}

static void count_sa(const struct kern_sa *sa, void *arg)
{
	struct module *m = arg;

	if (sa->dir <= NFIPSEC_DIR_OUT)
		m->sas[sa->dir]++;
}

/* Reads the state of the module. Returns false if the module is loaded and reading fails. */
static bool ask_module(struct module *m)
{
	char err[256];
	struct kern *k = kern_open(false, err, sizeof(err));
	bool ok;

	if (!k)
		return true;
	m->loaded = true;
	m->has_policy = kern_policy_exists(k);
	ok = !kern_tunnel_dump(k, take_tunnel, m) && !kern_stats(k, take_stat, m) &&
	     !kern_sa_dump(k, count_sa, m);
	if (!ok)
		cli_fail("metrics: %s", kern_error(k));
	kern_close(k);
	return ok;
}

/**
 * cli_metrics - prints the state of daemon and module as OpenMetrics text
 * @cli: where the daemon listens
 * @argc: number of words, which must be 0
 * @argv: unused
 *
 * Without an answer of the daemon, or without the module, a metric is 0 and the command succeeds.
 *
 * Return: an exit status.
 */
int cli_metrics(const struct cli *cli, int argc, char **argv)
{
	struct module m = { .loaded = false };
	json_t *answer;
	bool ok;

	(void)argv;
	if (argc)
		return CLI_USAGE;
	/* "down" would be a lie about a daemon that this user may not ask */
	if (access(cli->socket, W_OK) && errno == EACCES)
		return cli_fail("metrics: %s: %s; run it as root", cli->socket, strerror(errno));
	ok = ask_module(&m);
	answer = cli_request(cli, json_pack("{s:s, s:s}", "cmd", "show", "what", "peers"), NULL);
	print_metrics(json_object_get(answer, "data"), &m);
	json_decref(answer);
	free(m.tunnels);
	free(m.stats);
	if (fflush(stdout))
		return cli_fail("cannot print");
	return ok ? CLI_DONE : CLI_FAILED;
}
