// SPDX-License-Identifier: GPL-2.0
/* The body of the Key Exchange payload: RFC 7296 3.4. */
#include "fuzz/pld.h"

PLD_FUZZER(WIRE_PLD_KE)
