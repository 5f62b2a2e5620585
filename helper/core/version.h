/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

#define NFIPSEC_VERSION	"0.1"

#endif
