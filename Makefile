# SPDX-License-Identifier: GPL-2.0
#
#   make            the module for the running kernel (or KDIR=...), and the helper
#   make demo       a tunnel comes up on the first ping, in a VM
#   make check      every test, in user-mode Linux and in VMs on three kernels
#   make coverage   which lines of the module and the helper the tests run
#   make check-trixie  helper, module, unit and interop tests with what Debian 13 has
#   make bench      plain, xfrm, WireGuard and nfipsec side by side in one boot
#   make install    module, helper, man pages; DESTDIR, prefix
#   make C=1        with sparse
#   make deps       installs the packages that all this needs
#   make clean
#
# Also: modules, helper, tools, fuzz (FUZZ_SECONDS=60), debug-kernel, and vm-6.1,
# vm-6.12, vm-debug, vm-uml, vm-uml-debug: the module for a kernel of the test VM.

# Kernel headers: those of the running kernel, else the newest installed ones of Debian.
KDIR ?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
	$(shell ls -vd /usr/src/linux-headers-[0-9]*-amd64 2>/dev/null | tail -n 1))
BUILD := $(CURDIR)/build
VM := selftests/vm/run
FUZZ_SECONDS ?= 60
JOBS := -j$(shell nproc)

# The kernel's build writes its objects beside the sources. A copy of them for
# each kernel keeps the kernels apart and the tree clean; what was built there
# stays, for the next time. BTF would want a vmlinux, which the headers have not.
# $(call module,DIR,KERNEL-BUILD-DIR,WORDS)
define module
	@mkdir -p $(1)
	@rsync -a --delete --exclude='*.o' --exclude='.*' --include=/Kbuild --include='/kmod/***' \
		--include='/include/***' --exclude='*' Kbuild kmod include $(1)
	+$(MAKE) -C $(2) M=$(1) W=1 CONFIG_DEBUG_INFO_BTF_MODULES= $(if $(C),C=$(C)) $(3) modules
endef

all: helper modules

modules: kernel-headers
	$(call module,$(BUILD)/modules/host,$(KDIR))

kernel-headers:
	@test -n "$(KDIR)" || { echo "no kernel headers: 'make deps' installs Debian's," \
		"KDIR=DIR names others" >&2; exit 1; }

helper:
	$(MAKE) -C helper O=$(BUILD)/helper

# what the selftests need compiled
tools:
	$(MAKE) -C selftests O=$(BUILD)/selftests tools

# The modules for the VMs' kernels, and what else runs inside. Kernels with checkers, and the
# user-mode ones, get the module's own tests, too.
vm-%: VM_WORDS = $(if $(filter debug uml%,$*),NFIPSEC_SELFTEST=y) $(if $(filter uml%,$*),ARCH=um)
vm-%: deps tools
	$(call module,$(BUILD)/modules/$*,$$(selftests/vm/kernel $*)/build,$(VM_WORDS))

deps:
	@selftests/vm/deps

debug-kernel: deps
	@selftests/vm/kernel debug

demo: deps
	@$(MAKE) -s $(JOBS) vm-6.1 helper
	@$(VM) --kernel 6.1 --timeout 180 --command ./demo.sh

check: deps
	@selftests/vm/check $(FUZZ_SECONDS)

coverage: deps
	@$(MAKE) -s $(JOBS) helper tools
	$(call module,$(BUILD)/modules/coverage-uml,$$(selftests/vm/kernel uml)/build,ARCH=um GCOV_PROFILE=y NFIPSEC_SELFTEST=y)
	@selftests/vm/coverage

check-trixie: deps
	@selftests/vm/check-trixie

fuzz:
	$(MAKE) -C helper O=$(BUILD)/helper FUZZ_SECONDS=$(FUZZ_SECONDS) fuzz

bench: deps
	@$(MAKE) -s $(JOBS) vm-6.1 helper
	selftests/bench/run.sh

install: all
	$(MAKE) -C $(KDIR) M=$(BUILD)/modules/host INSTALL_MOD_PATH=$(DESTDIR) modules_install
	$(if $(DESTDIR),,depmod $$($(MAKE) -s -C $(KDIR) kernelrelease))
	$(MAKE) -C helper O=$(BUILD)/helper install

clean:
	rm -rf $(BUILD)

.PHONY: all modules kernel-headers helper tools deps debug-kernel demo check check-trixie coverage fuzz bench \
	install clean
