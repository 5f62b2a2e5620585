// SPDX-License-Identifier: GPL-2.0
/* For every command of nfipsec: errors, the module, JSON. */
#include <stdarg.h>
#include <stdio.h>

#include "cli/cli.h"

int cli_fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "nfipsec: ");
	va_start(ap, fmt);
	printable_vprint(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CLI_FAILED;
}

struct kern *cli_kern(void)
{
	char err[256];
	struct kern *k = kern_open(false, err, sizeof(err));

	if (!k)
		cli_fail("%s", err);
	return k;
}

int cli_kern_status(struct kern *k, int ret, const char *what)
{
	if (ret)
		cli_fail("%s: %s", what, kern_error(k));
	kern_close(k);
	return ret ? CLI_FAILED : CLI_DONE;
}

int cli_print_json(json_t *value)
{
	int ret;

	printable_json_tree(value);
	ret = value ? json_dumpf(value, stdout, JSON_INDENT(2)) : -1;
	json_decref(value);
	putchar('\n');
	return ret || fflush(stdout) ? cli_fail("cannot print") : CLI_DONE;
}
