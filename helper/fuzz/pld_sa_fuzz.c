// SPDX-License-Identifier: GPL-2.0
/* The body of the SA payload: RFC 7296 3.3. */
#include "fuzz/pld.h"

PLD_FUZZER(WIRE_PLD_SA)
