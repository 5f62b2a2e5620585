/* SPDX-License-Identifier: GPL-2.0 */
/* What the encoders of payload bodies share: RFC 7296 3.2. */
#ifndef WIRE_V2_WRITER_H
#define WIRE_V2_WRITER_H

#include "wire/wire.h"

void wire_begin(struct wire_writer *w, uint8_t pld_type);	/* generic header */
void wire_end(struct wire_writer *w);				/* sets its length */

#endif
