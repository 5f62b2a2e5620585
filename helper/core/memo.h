/* SPDX-License-Identifier: GPL-2.0 */
/* A file of the network namespace that outlives the daemon, until the next boot. */
#ifndef CORE_MEMO_H
#define CORE_MEMO_H

#include "core/buf.h"

/* replaces what was there; false: it is not there any more */
bool memo_write(struct bytes data);
/* appends it to @out; false: there is none, or others could have changed it */
bool memo_read(struct buf *out);

#endif
