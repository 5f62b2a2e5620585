// SPDX-License-Identifier: GPL-2.0
/* Octets to text: valid UTF-8, nothing of control, never longer, and the same when done twice. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/printable.h"
#include "ike/core.h"

static void check(const char *text)
{
	json_t *s = json_string(text);
	const uint8_t *p = (const uint8_t *)text;
	size_t n = strlen(text), i;
	char *again = strdup(text);

	/* jansson's own opinion about UTF-8 */
	if (!s || !again || strcmp(printable(again), text))
		abort();
	for (i = 0; i < n; i++) {
		if (p[i] < 0x20 || p[i] == 0x7f)
			abort();
		if (p[i] == 0xc2 && p[i + 1] < 0xa0)
			abort();
		if (p[i] == 0xe2 && p[i + 1] == 0x80 && p[i + 2] >= 0xa8 && p[i + 2] <= 0xae)
			abort();
	}
	json_decref(s);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t type = size ? data[0] : 0;
	struct bytes id = { data + !!size, size - !!size };
	char *out = malloc(size + 1), text[300], small[9];

	printable_copy(data, size, out, size + 1);
	if (strlen(out) > size)
		abort();
	check(out);
	check(printable_copy(data, size, small, sizeof(small)));
	check(ike_id_str(type & 15, id, text, sizeof(text)));
	check(cert_dn_str(id, text, sizeof(text)));
	check(ike_id_str(type & 15, id, small, sizeof(small)));
	free(out);
	return 0;
}
