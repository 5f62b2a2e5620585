// SPDX-License-Identifier: GPL-2.0
/* The configuration's and the secrets' grammar, fed with anything. */
#include <stdlib.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conf empty = { 0 }, *secrets;
	struct conf_error err;
	struct conf *conf = conf_parse((const char *)data, len, "fuzz", &err);

	if (!conf && !*err.text)
		abort();	/* a refusal that says nothing */
	conf_free(conf);
	secrets = malloc(sizeof(*secrets));
	if (!secrets)
		return 0;
	*secrets = empty;
	if (!conf_secrets_parse(secrets, (const char *)data, len, "fuzz", &err) && !*err.text)
		abort();
	conf_free(secrets);
	return 0;
}
