// SPDX-License-Identifier: GPL-2.0
/* Requests to the daemon: daemon/ctl.h says what is on the socket. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "daemon/ctl.h"

static FILE *connect_daemon(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	FILE *f;
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		cli_fail("%s: longer than the path of a socket may be", path);
		return NULL;
	}
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			cli_fail("no nfipsecd listens on %s (is it running?)", path);
		else
			cli_fail("%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	f = fdopen(fd, "r+");
	if (!f)
		close(fd);
	return f;
}

bool cli_daemon_listens(const struct cli *cli)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	bool ok;
	int fd;

	if (strlen(cli->socket) >= sizeof(sun.sun_path))
		return false;
	strcpy(sun.sun_path, cli->socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	ok = !connect(fd, (struct sockaddr *)&sun, sizeof(sun));
	close(fd);
	return ok;
}

static bool send_request(FILE *f, json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	size_t len = line ? strlen(line) : 0;
	bool ok;

	if (!line)
		return false;
	line[len] = '\n';
	ok = fwrite(line, 1, len + 1, f) == len + 1 && !fflush(f);
	free(line);
	return ok;
}

/* the answer, or NULL when the daemon hung up without one */
static json_t *read_answer(FILE *f, void (*each)(const json_t *event))
{
	char *line = NULL;
	json_t *answer = NULL;
	size_t cap = 0;

	while (!answer && getline(&line, &cap, f) > 0) {
		json_error_t err;
		json_t *value = json_loads(line, 0, &err);

		if (!value)
			break;
		printable_json_tree(value);
		if (json_object_get(value, "ok")) {
			answer = value;
			continue;
		}
		if (each)
			each(value);
		json_decref(value);
	}
	free(line);
	return answer;
}

/**
 * cli_request - ask the daemon
 * @cli: where it listens
 * @request: taken
 * @each: sees the events that come before the answer; may be NULL
 *
 * Return: the answer when it is "ok"; NULL after the reason was printed.
 */
json_t *cli_request(const struct cli *cli, json_t *request, void (*each)(const json_t *event))
{
	FILE *f = connect_daemon(cli->socket);
	json_t *answer = NULL;

	if (f) {
		answer = send_request(f, request) ? read_answer(f, each) : NULL;
		if (!answer)
			cli_fail("nfipsecd hung up");
		fclose(f);
	}
	json_decref(request);
	if (answer && !json_is_true(json_object_get(answer, "ok"))) {
		const char *error = json_string_value(json_object_get(answer, "error"));

		cli_fail("%s", error ? error : "refused");
		json_decref(answer);
		return NULL;
	}
	return answer;
}

/* ---- events ---- */

static void print_event(const json_t *event)
{
	double when = json_number_value(json_object_get(event, "time"));
	const char *name = json_string_value(json_object_get(event, "event"));
	const char *peer = json_string_value(json_object_get(event, "peer"));
	const char *tunnel = json_string_value(json_object_get(event, "tunnel"));
	const char *text = json_string_value(json_object_get(event, "text"));
	time_t seconds = when;
	char clock[16], who[80] = "";
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(clock, sizeof(clock), "%H:%M:%S", &tm))
		*clock = 0;
	if (peer)
		snprintf(who, sizeof(who), "%s%s%s ", peer, tunnel ? "/" : "", tunnel ? tunnel : "");
	cli_print("%s.%03d %-10s %s%s\n", clock, (int)((when - seconds) * 1000), name ? name : "",
		  who, text ? text : "");
	fflush(stdout);
}

static void print_event_json(const json_t *event)
{
	json_dumpf(event, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
}

int cli_watch(const struct cli *cli, int argc, char **argv)
{
	json_t *answer;

	(void)argv;
	if (argc)
		return CLI_USAGE;
	answer = cli_request(cli, json_pack("{s:s}", "cmd", "watch"),
			     cli->json ? print_event_json : print_event);
	json_decref(answer);
	return answer ? CLI_DONE : CLI_FAILED;
}

/* ---- up and down ---- */

/* "peer" or "peer/tunnel" */
static json_t *peer_request(const char *cmd, char *name)
{
	char *slash = strchr(name, '/');

	if (!slash)
		return json_pack("{s:s, s:s}", "cmd", cmd, "peer", name);
	*slash = 0;
	return json_pack("{s:s, s:s, s:s}", "cmd", cmd, "peer", name, "tunnel", slash + 1);
}

/* the reason of a failure is the answer's, printed once */
static void print_progress(const json_t *event)
{
	const char *name = json_string_value(json_object_get(event, "event"));

	if (!name || strcmp(name, "error"))
		print_event(event);
}

static int peer_command(const struct cli *cli, const char *cmd, int argc, char **argv)
{
	json_t *request, *answer;

	if (argc != 1)
		return CLI_USAGE;
	request = peer_request(cmd, argv[0]);
	if (!request)
		return cli_fail("found '%s', expected PEER[/TUNNEL]", argv[0]);
	answer = cli_request(cli, request, cli->json ? print_event_json : print_progress);
	json_decref(answer);
	return answer ? CLI_DONE : CLI_FAILED;
}

int cli_up(const struct cli *cli, int argc, char **argv)
{
	struct addr probe = { .family = 0 };
	bool verify = false;
	json_t *request;
	int i, n = 0;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--verify")) {
			verify = true;
		} else if (!strcmp(argv[i], "--probe")) {
			if (++i == argc)
				return CLI_USAGE;
			if (!addr_parse(argv[i], &probe))
				return cli_fail("found '%s', expected an address", argv[i]);
		} else {
			argv[n++] = argv[i];
		}
	}
	if (!verify)
		return probe.family ? CLI_USAGE : peer_command(cli, "up", n, argv);
	if (n != 1)
		return CLI_USAGE;
	request = peer_request("up", argv[0]);
	if (!request)
		return cli_fail("found '%s', expected PEER[/TUNNEL]", argv[0]);
	return cli_verify(cli, request, probe.family ? &probe : NULL);
}

int cli_down(const struct cli *cli, int argc, char **argv)
{
	return peer_command(cli, "down", argc, argv);
}
