# SPDX-License-Identifier: GPL-2.0
#
#   make            the module for the running kernel (or KDIR=...), and the helper
#   make demo       a tunnel comes up on the first ping, in a VM
#   make check      every test, in VMs on three kernels
#   make bench      plain, xfrm, WireGuard and nfipsec side by side in one boot
#   make install    module, helper, man pages; DESTDIR, prefix
#   make C=1        with sparse
#   make deps       installs the packages that all this needs
#   make clean

KDIR ?= /lib/modules/$(shell uname -r)/build
BUILD := $(CURDIR)/build
VM := selftests/vm/run
KERNELS := 6.1 6.12 debug
FUZZ_SECONDS ?= 60

# The kernel's build writes its objects beside the sources. A copy of them for
# each kernel keeps the kernels apart and the tree clean.
# $(call module,DIR,KERNEL-BUILD-DIR,WORDS)
define module
	@mkdir -p $(1)
	@rsync -a --delete-excluded --include=/Kbuild --include='/kmod/***' \
		--include='/include/***' --exclude='*' Kbuild kmod include $(1)
	$(MAKE) -C $(2) M=$(1) W=1 $(if $(C),C=$(C)) $(3) modules
endef

all: helper $(if $(wildcard $(KDIR)),modules,no-kernel)

modules:
	$(call module,$(BUILD)/modules/host,$(KDIR))

no-kernel:
	@echo "no headers of the running kernel in $(KDIR): the module is not built (KDIR=... for others)"

helper:
	$(MAKE) -C helper O=$(BUILD)/helper

# the modules for the VMs' kernels
vm-%: deps
	$(call module,$(BUILD)/modules/$*,$$(selftests/vm/kernel $*)/build,$(if $(filter debug,$*),NFIPSEC_SELFTEST=y))

deps:
	@selftests/vm/deps

demo: deps vm-6.1
	@$(MAKE) -s helper
	@$(VM) --kernel 6.1 --timeout 180 --command ./demo.sh

check: deps
	@selftests/vm/check $(FUZZ_SECONDS)

bench: deps vm-6.1
	$(MAKE) helper
	selftests/bench/run.sh

install: all
	$(MAKE) -C $(KDIR) M=$(BUILD)/modules/host INSTALL_MOD_PATH=$(DESTDIR) modules_install
	$(if $(DESTDIR),,depmod)
	$(MAKE) -C helper O=$(BUILD)/helper install

clean:
	rm -rf $(BUILD)

.PHONY: all modules no-kernel helper deps demo check bench install clean
