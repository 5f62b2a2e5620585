// SPDX-License-Identifier: GPL-2.0
/* Is a policy in force? Without one nothing else that a command shows means what it seems to. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "core/reason.h"

const char *cli_no_policy(struct kern *k, char *out, size_t len)
{
	if (kern_policy_exists(k))
		return NULL;
	if (!reason_get(out, len))
		snprintf(out, len, "none was loaded since the module was (nfipsec load FILE)");
	return out;
}

struct kern *cli_kern_to_show(const struct cli *cli, json_t **no_policy)
{
	char err[CLI_REASON_MAX], *why = err;
	struct kern *k = kern_open(false, err, sizeof(err));

	*no_policy = NULL;
	if (!k) {
		cli_fail("%s%s", strcmp(err, kern_not_loaded) ? "" : "no policy is in force: ", err);
		return NULL;
	}
	if (!cli_no_policy(k, err, sizeof(err)))
		return k;
	if (cli->json) {
		*no_policy = printable_json(why);
	} else {
		cli_print("no policy is in force: %s\n", why);
		/* before what may yet go wrong, too */
		fflush(stdout);
	}
	return k;
}

json_t *cli_with_no_policy(json_t *object, json_t *no_policy)
{
	if (object && no_policy)
		json_object_set(object, "no_policy", no_policy);
	json_decref(no_policy);
	return object;
}
