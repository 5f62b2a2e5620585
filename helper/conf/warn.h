/* SPDX-License-Identifier: GPL-2.0 */
/* What is right and hardly meant: warnings of `nfipsec check` and `nfipsec load`. */
#ifndef CONF_WARN_H
#define CONF_WARN_H

#include "conf/conf.h"
#include "sys/route.h"

/* @text: "file:line:column: warning: ..., expected ..." */
typedef void (*conf_warn_t)(const char *text, void *arg);

/* @addrs: those of this host, but for loop-back ones; none: only the lists are looked at */
void conf_warn(const struct conf *conf, const struct route_addr *addrs, unsigned int n_addrs,
	       conf_warn_t warn, void *arg);

#endif
