/* SPDX-License-Identifier: GPL-2.0 */
/* Tests that run in the kernel when a module built with NFIPSEC_SELFTEST=y loads. */
#ifndef _NFIPSEC_TESTS_H
#define _NFIPSEC_TESTS_H

#include <linux/printk.h>

/* each returns false, and has said what differs, when it fails */
bool nfipsec_test_batch(void);
bool nfipsec_test_classify(void);
bool nfipsec_test_crypto(void);
bool nfipsec_test_pkt(void);
bool nfipsec_test_replay(void);

/* main.c: the module does not load when one fails */
int nfipsec_tests_run(void);

/* says where, and is true when @condition is */
#define nfipsec_expect(condition, fmt, args...) ({				\
	bool __ok = (condition);						\
										\
	if (!__ok)								\
		pr_err("%s:%d: not (%s): " fmt "\n", __func__, __LINE__,	\
		       #condition, ##args);					\
	__ok;									\
})

#endif
