// SPDX-License-Identifier: GPL-2.0
/* nfipsec, the command: its options, and the table of commands. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "core/version.h"
#include "daemon/ctl.h"

static const struct {
	const char *name;
	int (*run)(const struct cli *cli, int argc, char **argv);
	const char *usage;
} commands[] = {
	{ "check", cli_check, "check FILE                  is this configuration right?" },
	{ "load", cli_load, "load [--no-daemon] FILE     make it the one in force" },
	{ "unload", cli_unload, "unload                      no policy, no SAs: traffic passes in clear" },
	{ "up", cli_up, "up PEER[/TUNNEL] [--verify [--probe ADDRESS]]\n"
		"                              negotiate now, and try what it will need" },
	{ "down", cli_down, "down PEER[/TUNNEL]          delete, here and at the peer" },
	{ "show", cli_show, "show peers [PEER[/TUNNEL]] [--detail]\n"
		"  show failures|sas|policy|tunnels|stats" },
	{ "watch", cli_watch, "watch                       events as they come" },
	{ "explain", cli_explain, "explain [in|out] PROTO SRC[:PORT] DST[:PORT]" },
	{ "metrics", cli_metrics, "metrics                     for a monitoring system, as OpenMetrics" },
	{ "sa", cli_sa, "sa add|del|move|dummy|flush|batch ...  manual keys, see nfipsec(8)" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

static void usage(FILE *to)
{
	size_t i;

	fprintf(to, "usage: nfipsec [--json] [--socket PATH] COMMAND ...\n\n");
	for (i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %s\n", commands[i].usage);
	fprintf(to, "\n"
		"  --json          JSON instead of text, with show, explain, watch, up and down\n"
		"  --socket PATH   of the daemon, instead of " CTL_SOCKET "\n"
		"  --version, --help\n");
}

/* Removes the options from the arguments, wherever they stand. Returns false if one lacks its value. */
static bool take_options(struct cli *cli, int *argc, char **argv)
{
	int i, n = 0;

	for (i = 0; i < *argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			cli->json = true;
		} else if (!strcmp(argv[i], "--socket")) {
			if (++i == *argc)
				return false;
			cli->socket = argv[i];
		} else {
			argv[n++] = argv[i];
		}
	}
	*argc = n;
	argv[n] = NULL;
	return true;
}

int main(int argc, char **argv)
{
	struct cli cli = { .socket = CTL_SOCKET };
	size_t i;

	argc--;
	argv++;
	if (!take_options(&cli, &argc, argv) || !argc) {
		usage(stderr);
		return CLI_USAGE;
	}
	/* `nfipsec COMMAND --help` means no file, peer or packet of that name */
	for (i = 0; i < (size_t)argc; i++) {
		if (!strcmp(argv[i], "--help") || (!i && !strcmp(argv[i], "help"))) {
			usage(stdout);
			return CLI_DONE;
		}
	}
	if (!strcmp(argv[0], "--version")) {
		printf("nfipsec %s\n", NFIPSEC_VERSION);
		return CLI_DONE;
	}
	for (i = 0; i < N_COMMANDS; i++) {
		int ret;

		if (strcmp(argv[0], commands[i].name))
			continue;
		ret = commands[i].run(&cli, argc - 1, argv + 1);
		if (ret == CLI_USAGE)
			fprintf(stderr, "usage: nfipsec %s\n", commands[i].usage);
		return ret;
	}
	cli_fail("found '%s', expected a command", argv[0]);
	usage(stderr);
	return CLI_USAGE;
}
