/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The version of the module and of the programs. helper/tests/version.sh compares the copies that
 * other files need: dkms.conf and NEWS.
 */
#ifndef _NFIPSEC_VERSION_H
#define _NFIPSEC_VERSION_H

#define NFIPSEC_VERSION	"0.1"

#endif
