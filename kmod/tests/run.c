// SPDX-License-Identifier: GPL-2.0
/* The list of tests, and what the kernel log says of them. */
#define pr_fmt(fmt) KBUILD_MODNAME ": test: " fmt
#include <linux/kernel.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/sched.h>

#include "tests.h"

static const struct {
	const char	*name;
	bool		(*run)(void);
} tests[] = {
	{ "batch", nfipsec_test_batch },
	{ "classify", nfipsec_test_classify },
	{ "crypto", nfipsec_test_crypto },
	{ "pkt", nfipsec_test_pkt },
	{ "replay", nfipsec_test_replay },
};

int nfipsec_tests_run(void)
{
	unsigned int i, failed = 0;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		bool ok = tests[i].run();

		pr_info("%s: %s\n", tests[i].name, ok ? "passed" : "failed");
		failed += !ok;
		cond_resched();
	}
	return failed ? -EINVAL : 0;
}

MODULE_INFO(selftest, "y");
