// SPDX-License-Identifier: GPL-2.0
/* check, load, unload: configurations from the command line. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "conf/conf.h"
#include "conf/warn.h"
#include "core/reason.h"
#include "core/trusted.h"
#include "sys/route.h"
#include "sys/udp.h"

static struct conf *read_conf(const char *path, bool credentials)
{
	struct conf_error err = { .text = "" };
	struct conf *conf = conf_load(path, &err);

	if (conf && credentials && !conf_credentials_load(conf, &err)) {
		conf_free(conf);
		conf = NULL;
	}
	if (!conf)
		cli_warn("%s\n", err.text);
	return conf;
}

static void print_warning(const char *text, void *arg)
{
	(void)arg;
	cli_warn("%s\n", text);
}

/*
 * Prints what conf_warn() and cli_nat_warn() find. Without the addresses of this host, conf_warn()
 * compares the lists alone.
 */
static void warn_of(const struct conf *conf)
{
	struct conf_host host = { .is_local = udp_is_local };
	struct addr_own *addrs = NULL;

	route_addrs(&addrs, &host.n_addrs);
	host.addrs = addrs;
	conf_warn(conf, &host, print_warning, NULL);
	cli_nat_warn(conf, addrs, host.n_addrs, print_warning, NULL);
	free(addrs);
}

static const char *plural(unsigned int n)
{
	return n == 1 ? "" : "s";
}

/* an entry from any to any is two, one a family */
static unsigned int list_lines(const struct conf_list *list)
{
	unsigned int i, n = 0;

	for (i = 0; i < list->n; i++)
		n += !i || list->entries[i].number != list->entries[i - 1].number;
	return n;
}

/* Warns of missing credentials, of doubtful entries and of certificates that expire soon. */
static void warn_all(const struct conf *conf, const char *path)
{
	char text[CERT_ERROR_MAX];
	unsigned int i;

	for (i = 0; i < conf->n_peers; i++)
		if (conf->peers[i].lacks)
			cli_warn("%s:%u:%u: warning: %s\n", conf->peers[i].at.file,
				 conf->peers[i].at.line, conf->peers[i].at.column,
				 conf->peers[i].lacks);
	warn_of(conf);
	for (i = 0; conf_certs_warning(conf, i, time(NULL), text, sizeof(text)); i++)
		if (*text)
			cli_warn("%s: warning: %s\n", path, text);
}

int cli_check(const struct cli *cli, int argc, char **argv)
{
	unsigned int i, tunnels = 0, entries = 0;
	struct conf *conf;

	(void)cli;
	if (argc != 1)
		return CLI_USAGE;
	conf = read_conf(argv[0], true);
	if (!conf)
		return CLI_FAILED;
	for (i = 0; i < conf->n_peers; i++)
		tunnels += conf->peers[i].n_tunnels;
	warn_all(conf, argv[0]);
	for (i = 0; i < conf->n_lists; i++)
		entries += list_lines(&conf->lists[i]);
	cli_print("%s: ok: %u peer%s, %u tunnel%s, %u entr%s\n", argv[0], conf->n_peers,
		  plural(conf->n_peers), tunnels, plural(tunnels), entries, entries == 1 ? "y" : "ies");
	conf_free(conf);
	return CLI_DONE;
}

/* the access lists and tunnels alone, which need no credentials */
static int load_without_daemon(const char *path)
{
	struct conf_error err = { .text = "" };
	struct conf *conf = conf_load(path, &err);
	struct kern *k = conf ? kern_open(false, err.text, sizeof(err.text)) : NULL;
	bool ok = k && !kern_policy_set(k, conf);

	if (k && !ok)
		snprintf(err.text, sizeof(err.text), "%s: %s", path, kern_error(k));
	if (ok && !conf_has_entries(conf))
		snprintf(err.text, sizeof(err.text), "%s has no entry", path);
	/* the commands that show something print this reason while no policy is in force */
	reason_set(*err.text ? err.text : NULL);
	if (!ok)
		cli_warn("nfipsec: %s\n", err.text);
	if (ok)
		warn_of(conf);
	kern_close(k);
	conf_free(conf);
	return ok ? CLI_DONE : CLI_FAILED;
}

int cli_load(const struct cli *cli, int argc, char **argv)
{
	char path[PATH_MAX];
	struct conf_error err;
	struct conf *conf;
	json_t *answer;

	if (argc == 2 && !strcmp(argv[0], "--no-daemon"))
		return load_without_daemon(argv[1]);
	if (argc != 1 || *argv[0] == '-')
		return CLI_USAGE;
	/* the links of this name, which realpath() resolves */
	if (!trusted_file(argv[0], err.text, sizeof(err.text)))
		return cli_fail("%s", err.text);
	/* the daemon is in another folder */
	if (!realpath(argv[0], path))
		return cli_fail("%s: %s", argv[0], strerror(errno));
	answer = cli_request(cli, json_pack("{s:s, s:s}", "cmd", "load", "path", path), NULL);
	if (!answer)
		return CLI_FAILED;
	/* The daemon accepted the file. Its `warning` names only some peers without credentials. */
	conf = conf_load(path, &err);
	if (conf && conf_credentials_load_good(conf, print_warning, NULL))
		warn_all(conf, argv[0]);
	else if (json_string_value(json_object_get(answer, "warning")))
		cli_warn("%s: warning: %s\n", argv[0],
			 json_string_value(json_object_get(answer, "warning")));
	json_decref(answer);
	conf_free(conf);
	cli_print("%s: loaded\n", argv[0]);
	return CLI_DONE;
}

/*
 * Makes the daemon delete its SAs, here and at the peers, and stop negotiating. Returns false after
 * an error message.
 */
static bool tell_daemon(const struct cli *cli)
{
	char netns[REASON_NETNS_LEN];
	json_t *request, *answer;

	if (!cli_daemon_listens(cli))
		return true;
	request = json_pack("{s:s}", "cmd", "unload");
	/* The socket is a file. A daemon of another network namespace may listen on it. */
	if (reason_netns(netns))
		json_object_set_new(request, "netns", json_string(netns));
	answer = cli_request(cli, request, NULL);
	json_decref(answer);
	return answer;
}

int cli_unload(const struct cli *cli, int argc, char **argv)
{
	struct kern *k;
	int ret;

	(void)argv;
	if (argc)
		return CLI_USAGE;
	if (!tell_daemon(cli))
		return CLI_FAILED;
	k = cli_kern();
	if (!k)
		return CLI_FAILED;
	ret = kern_policy_set(k, NULL);
	if (!ret)
		reason_set("nfipsec unload removed it");
	return cli_kern_status(k, ret, "the policy was not removed");
}
