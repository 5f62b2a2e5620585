/* SPDX-License-Identifier: GPL-2.0 */
/* What is right and hardly meant: warnings of `nfipsec check` and `nfipsec load`. */
#ifndef CONF_WARN_H
#define CONF_WARN_H

#include "conf/conf.h"

/* @text: "file:line:column: warning: ..., expected ..." */
typedef void (*conf_warn_t)(const char *text, void *arg);

/**
 * struct conf_host - what conf_warn() knows of this host
 * @addrs: its addresses, without loop-back ones
 * @n_addrs: number of @addrs; 0: conf_warn() compares the lists alone
 * @is_local: tells whether this host may send from an address, loop-back ones included
 */
struct conf_host {
	const struct addr_own *addrs;
	unsigned int n_addrs;
	bool (*is_local)(const struct addr *addr);
};

void conf_warn(const struct conf *conf, const struct conf_host *host, conf_warn_t warn, void *arg);

#endif
