/* SPDX-License-Identifier: GPL-2.0 */
/* The version of the programs is that of the module. */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

#include <nfipsec_version.h>

#endif
