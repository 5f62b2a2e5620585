/* SPDX-License-Identifier: GPL-2.0 */
/* What the subcommands of `nfipsec` share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "core/printable.h"
#include "conf/warn.h"
#include "sys/kern.h"
#include "sys/nft_nat.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };	/* exit statuses */

struct cli {
	const char *socket;	/* of the daemon */
	bool json;
};

/* each gets the words behind its name */
int cli_check(const struct cli *cli, int argc, char **argv);
int cli_load(const struct cli *cli, int argc, char **argv);
int cli_unload(const struct cli *cli, int argc, char **argv);
int cli_up(const struct cli *cli, int argc, char **argv);
int cli_down(const struct cli *cli, int argc, char **argv);
int cli_watch(const struct cli *cli, int argc, char **argv);
int cli_show(const struct cli *cli, int argc, char **argv);
int cli_explain(const struct cli *cli, int argc, char **argv);
int cli_sa(const struct cli *cli, int argc, char **argv);
int cli_metrics(const struct cli *cli, int argc, char **argv);

/* Commands print only with these macros, because peers and CAs choose parts of the text. */
#define cli_print(...)	printable_print(stdout, __VA_ARGS__)
#define cli_warn(...)	printable_print(stderr, __VA_ARGS__)

/* cli.c */
int cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
struct kern *cli_kern(void);	/* NULL: said why */
int cli_kern_status(struct kern *k, int ret, const char *what);	/* says why; closes @k */
int cli_print_json(json_t *value);	/* takes it */

/* state.c */
#define CLI_REASON_MAX	1200
/* NULL: the namespace has a policy; else why not, in @out */
const char *cli_no_policy(struct kern *k, char *out, size_t len);
/*
 * The module, for a command that shows something. Without a policy that is printed first, or is in
 * @no_policy for cli_with_no_policy(), which takes it. NULL: said why.
 */
struct kern *cli_kern_to_show(const struct cli *cli, json_t **no_policy);
json_t *cli_with_no_policy(json_t *object, json_t *no_policy);

/* request.c: one request to the daemon; @each sees the events before the answer, which is
 * owned by the caller; NULL: said why
 */
json_t *cli_request(const struct cli *cli, json_t *request, void (*each)(const json_t *event));

/* Checks whether a daemon listens on the socket. Prints nothing. */
bool cli_daemon_listens(const struct cli *cli);

/* verify.c: up --verify; @request is taken, @probe may be NULL */
int cli_verify(const struct cli *cli, json_t *request, const struct addr *probe);

/* probe.c */
bool cli_probe_mtu(struct kern *k, const char *tunnel, const struct addr *to, uint32_t mtu,
		   size_t *found, char *text, size_t len);

/* nat.c */
bool cli_nat_flow(struct nft_flow *flow);
const char *cli_nat_rule_str(const struct nft_change *c, char *out, size_t len);
void cli_nat_warn(const struct conf *conf, const struct addr_own *addrs, unsigned int n_addrs,
		  conf_warn_t warn, void *arg);

/* reach.c */
void cli_reach(const struct cli *cli, const struct kern_flow *flow, const char *tunnel, json_t *reach);

/* failures.c: show failures */
int cli_failures(const struct cli *cli);

/* show.c */
json_t *cli_sa_json(const struct kern_sa *sa);
json_t *cli_entry_json(const struct kern_entry *e);
void cli_sa_print(const struct kern_sa *sa);
void cli_entry_print(const struct kern_entry *e);
const char *cli_action_name(uint8_t action);

#endif
