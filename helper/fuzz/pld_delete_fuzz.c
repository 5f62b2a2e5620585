// SPDX-License-Identifier: GPL-2.0
/* The body of the Delete payload: RFC 7296 3.11. */
#include "fuzz/pld.h"

PLD_FUZZER(WIRE_PLD_DELETE)
