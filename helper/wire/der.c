// SPDX-License-Identifier: GPL-2.0
/* As much of DER as names and algorithm identifiers need. */
#include "wire/wire.h"

/**
 * wire_der_next() - one element off the front
 * @in: what is left; moves on
 * @tag: its tag, of one octet
 * @whole: with tag and length
 * @body: without
 *
 * Return: false when none is there, it does not fit, or is longer than 16 MB.
 */
bool wire_der_next(struct bytes *in, uint8_t *tag, struct bytes *whole, struct bytes *body)
{
	size_t len, head = 2, i, n;

	if (in->len < 2)
		return false;
	*tag = in->p[0];
	len = in->p[1];
	if (len & 0x80) {
		n = len & 0x7f;
		if (!n || n > 3 || in->len < 2 + n)
			return false;
		for (len = 0, i = 0; i < n; i++)
			len = len << 8 | in->p[2 + i];
		head += n;
	}
	if (in->len - head < len)
		return false;
	*whole = (struct bytes){ in->p, head + len };
	*body = (struct bytes){ in->p + head, len };
	*in = (struct bytes){ in->p + head + len, in->len - head - len };
	return true;
}
