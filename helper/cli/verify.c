// SPDX-License-Identifier: GPL-2.0
/* up --verify: the daemon's steps as they come, and then the path's MTU. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* State for the callback of an event, which has no argument for it. */
static json_t *steps;
static bool as_json;

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void print_step(const json_t *s)
{
	char name[80];

	snprintf(name, sizeof(name), "%s/%s", text(s, "peer"), text(s, "tunnel"));
	cli_print("%-20s %-9s %-7s", name, text(s, "step"),
		  json_is_true(json_object_get(s, "ok")) ? "ok" : "FAILED");
	if (json_is_integer(json_object_get(s, "ms")))
		cli_print("%6" JSON_INTEGER_FORMAT " ms  ",
			  json_integer_value(json_object_get(s, "ms")));
	else
		cli_print("           ");
	cli_print("%s\n", text(s, "text"));
	fflush(stdout);
}

/* takes @step */
static void add_step(json_t *step)
{
	if (!step)
		return;
	if (!as_json)
		print_step(step);
	json_array_append_new(steps, step);
}

static void each_event(const json_t *event)
{
	const json_t *data = json_object_get(event, "data");
	json_t *step;

	if (strcmp(text(event, "event"), "verify"))
		return;
	step = json_pack("{s:s, s:s, s:s}", "peer", text(event, "peer"), "tunnel",
			 text(event, "tunnel"), "text", text(event, "text"));
	if (step && data)
		json_object_update(step, (json_t *)data);
	add_step(step);
}

struct mtu_search {
	const char *name;
	uint32_t mtu;
};

static void each_tunnel(const struct kern_tunnel *t, void *arg)
{
	struct mtu_search *s = arg;

	if (!strcmp(t->name, s->name))
		s->mtu = t->mtu;
}

static void add_mtu(struct kern *k, const char *peer, const char *tunnel, const struct addr *to)
{
	char name[100], line[300];
	struct mtu_search s = { .name = name };
	size_t found = 0;
	bool ok = true;
	json_t *step;

	snprintf(name, sizeof(name), "%s/%s", peer, tunnel);
	if (kern_tunnel_dump(k, each_tunnel, &s) || !s.mtu) {
		ok = false;
		snprintf(line, sizeof(line), "the module does not know the tunnel");
	} else if (to) {
		ok = cli_probe_mtu(k, name, to, s.mtu, &found, line, sizeof(line));
	} else {
		snprintf(line, sizeof(line), "%u octets by what the module knows of the path; not "
			 "tried (--probe ADDRESS)", s.mtu);
	}
	step = json_pack("{s:s, s:s, s:s, s:s, s:b, s:i, s:b}", "peer", peer, "tunnel", tunnel, "text",
			 line, "step", "mtu", "ok", ok, "mtu", (int)s.mtu, "probed", to != NULL);
	if (step && to)
		json_object_set_new(step, "passes", json_integer(found));
	add_step(step);
}

/* of each tunnel that came up */
static void add_mtus(const struct addr *to)
{
	struct kern *k = cli_kern();
	size_t i, n = json_array_size(steps);
	json_t *s;

	for (i = 0; k && i < n; i++) {
		s = json_array_get(steps, i);
		if (!strcmp(text(s, "step"), "up") && json_is_true(json_object_get(s, "ok")))
			add_mtu(k, text(s, "peer"), text(s, "tunnel"), to);
	}
	if (k)
		kern_close(k);
}

static bool all_well(void)
{
	size_t i;
	json_t *s;

	json_array_foreach(steps, i, s)
		if (!json_is_true(json_object_get(s, "ok")))
			return false;
	return json_array_size(steps) > 0;
}

/**
 * cli_verify - up --verify
 * @cli: where the daemon listens, and how to print
 * @request: "up" of a peer or tunnel; taken
 * @probe: whom to send echoes, or NULL
 */
int cli_verify(const struct cli *cli, json_t *request, const struct addr *probe)
{
	json_t *answer;
	bool ok;

	steps = json_array();
	as_json = cli->json;
	json_object_set_new(request, "verify", json_true());
	/* of a failure that no step told of, cli_request() has printed the reason */
	answer = cli_request(cli, request, each_event);
	add_mtus(probe);
	ok = answer && all_well();
	json_decref(answer);
	if (cli->json)
		cli_print_json(json_pack("{s:b, s:O}", "ok", ok, "steps", steps));
	json_decref(steps);
	steps = NULL;
	return ok ? CLI_DONE : CLI_FAILED;
}
