// SPDX-License-Identifier: GPL-2.0
/* show failures: the last failure of each peer, as a transcript. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

static const char *text(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static const char *date(json_int_t when, char *out, size_t len)
{
	time_t t = when;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, len, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(out, len, "?");
	return out;
}

static void print_head(const json_t *f)
{
	const char *tunnel = text(f, "tunnel");
	char first[40];

	cli_print("%s%s%s", *text(f, "peer") ? text(f, "peer") : "no configured peer", *tunnel ? "/" : "",
		  tunnel);
	if (is_true(f, "stranger"))
		cli_print(", an initiator that is not authenticated");
	cli_print(":");
	if (json_object_get(f, "age"))
		cli_print(" %" JSON_INTEGER_FORMAT " s ago,", number(f, "age"));
	if (number(f, "count") > 1)
		cli_print(" %" JSON_INTEGER_FORMAT " times since %s,", number(f, "count"),
			  date(number(f, "first"), first, sizeof(first)));
	cli_print(" step %s%s\n", text(f, "step"), is_true(f, "over") ? "; it came up since then" : "");
	cli_print("    %s\n", text(f, "text"));
}

static void print_difference(const json_t *d)
{
	const json_t *theirs = json_object_get(d, "theirs"), *ours = json_object_get(d, "ours");

	cli_print("    %s: we %s%s, the peer %s%s\n", text(d, "what"), ours ? "have " : "take any",
		  text(d, "ours"), theirs ? "has " : "does not say", text(d, "theirs"));
}

static void print_exchange(const json_t *m)
{
	cli_print("    -%" JSON_INTEGER_FORMAT ".%03d s %s %s %s %" JSON_INTEGER_FORMAT
		  ", %" JSON_INTEGER_FORMAT " octets",
		  number(m, "ms_before") / 1000, (int)(number(m, "ms_before") % 1000),
		  is_true(m, "received") ? "received" : "sent", text(m, "exchange"),
		  is_true(m, "response") ? "response" : "request", number(m, "id"), number(m, "octets"));
	if (number(m, "fragments") > 1)
		cli_print(" in %" JSON_INTEGER_FORMAT " fragments", number(m, "fragments"));
	cli_print(" [ %s ]\n", text(m, "payloads"));
}

static void print_failure(const json_t *f)
{
	const json_t *item;
	size_t i;

	print_head(f);
	if (*text(f, "local"))
		cli_print("    %s, %s -> %s\n", is_true(f, "initiator") ? "begun by us" : "begun by the peer",
			  text(f, "local"), text(f, "remote"));
	json_array_foreach(json_object_get(f, "differences"), i, item)
		print_difference(item);
	json_array_foreach(json_object_get(f, "messages"), i, item)
		print_exchange(item);
}

/**
 * cli_failures - prints the last failure of each peer
 * @cli: where the daemon listens, and how to print
 *
 * Return: an exit status.
 */
int cli_failures(const struct cli *cli)
{
	json_t *request = json_pack("{s:s, s:s}", "cmd", "show", "what", "failures");
	json_t *answer = cli_request(cli, request, NULL);
	const json_t *data, *f;
	size_t i;

	if (!answer)
		return CLI_FAILED;
	data = json_object_get(answer, "data");
	if (cli->json) {
		int ret = cli_print_json(json_deep_copy(data));

		json_decref(answer);
		return ret;
	}
	json_array_foreach(json_object_get(data, "failures"), i, f)
		print_failure(f);
	json_decref(answer);
	return CLI_DONE;
}
