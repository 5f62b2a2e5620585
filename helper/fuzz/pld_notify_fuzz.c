// SPDX-License-Identifier: GPL-2.0
/* The body of the Notify payload: RFC 7296 3.10. */
#include "fuzz/pld.h"

PLD_FUZZER(WIRE_PLD_NOTIFY)
