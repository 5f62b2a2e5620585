// SPDX-License-Identifier: GPL-2.0
/* The body of the Encrypted Fragment payload: RFC 7383 2.5. */
#include "fuzz/pld.h"

PLD_FUZZER(WIRE_PLD_SKF)
