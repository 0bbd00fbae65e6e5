# SPDX-License-Identifier: GPL-2.0
#
# The verbs of this project. The work is done by scripts/; the modules are described by Kbuild files.

VARIABLES := ARCH KDIR KSRC KERNEL TORTURE_KDIR KERNEL_CONFIG LLVM RUSTC BINDGEN QEMU_ACCEL QEMU_MEM QEMU_SMP T V TORTURE SEED PERCENT FUZZ_SECONDS FUZZ_RUNS FLAVOUR PROVIDER FILES JOB_SLOTS INJECTED_BUG CMD BENCH BENCH_ROUNDS ICOUNT TIMEOUT INSTALL_MOD_PATH PREFIX DESTDIR ZSH_FUNCTIONS WIRESHARK_PLUGINS
# What is given to make reaches the scripts; the scripts call kbuild without our own flags.
export VARIABLES $(VARIABLES)

# The kernel to build for; made when it is not there. A failure has said what to do.
kernel = kdir=$$(scripts/kdir.sh) || exit 1;

MAKEFLAGS += --no-print-directory
.SILENT:

modules: ## build cn.ko (the default)
	$(kernel) scripts/modules.sh "$$kdir" core

all: ## build cn.ko, the samples, the test modules and programs
	$(kernel) scripts/modules.sh "$$kdir" all

samples: ## build cn.ko and the samples
	$(kernel) scripts/modules.sh "$$kdir" samples

tools: ## build the client crate and cnctl, static, in build/tools/programs
	scripts/packages.sh tools
	export TOOLS_PROFILE=release && scripts/client.sh build && scripts/client.sh extras

modules_install: ## install cn.ko for the kernel in KDIR (INSTALL_MOD_PATH is honoured)
	$(kernel) scripts/modules.sh "$$kdir" install

install-dev: ## install what others need to build modules on the crate (PREFIX, DESTDIR)
	scripts/install.sh check
	$(kernel) scripts/install-dev.sh "$$kdir"

install: ## install cnctl, the modules for the kernel in KDIR, and what install-dev does (PREFIX, DESTDIR)
	scripts/install.sh check
	scripts/packages.sh install
	export TOOLS_PROFILE=release && scripts/client.sh build && scripts/client.sh extras
	$(kernel) scripts/install-dev.sh "$$kdir" && scripts/install.sh tool && \
		INSTALL_MOD_PATH="$${INSTALL_MOD_PATH:-$$DESTDIR}" scripts/modules.sh "$$kdir" install

uninstall: ## remove what make install has installed, with the same variables
	$(kernel) scripts/install.sh uninstall "$$kdir"

deb: ## build the Debian packages connector-dkms, libconnector-rust-dev and cnctl, in build/deb
	scripts/deb.sh

run: ## show what the connector does, in a QEMU guest; installs and builds what is missing
	scripts/guest.sh arguments run
	scripts/packages.sh guest
	$(kernel) scripts/modules.sh "$$kdir" demo && scripts/guest.sh "$$kdir" run selftests/guest/demo.sh

test: ## run all tests; installs and builds what is missing
	scripts/guest.sh arguments run
	scripts/packages.sh guest fuzz
	$(kernel) scripts/test.sh "$$kdir"

torture: ## look for bugs on a kernel full of checks; TORTURE=full takes hours, T= chooses scenarios
	scripts/guest.sh arguments run
	scripts/packages.sh guest fuzz
	selftests/torture/run.sh "$${TORTURE:-small}"

torture-publish: ## put the figures of the last full runs of make torture into Documentation/
	selftests/torture/run.sh publish

stock: ## test on the kernels that Debian ships, as they are; FLAVOUR=amd64 or cloud-amd64, T= chooses parts
	scripts/guest.sh arguments run
	selftests/stock/run.sh

test-deb: ## install, use, upgrade and remove the packages in a root of Debian 13, with Debian's kernels; takes an hour
	selftests/deb/run.sh

litmus: ## check the protocols of the core in the kernel's memory model, with herd7
	scripts/packages.sh litmus
	selftests/litmus/run.sh $(if $(KDIR),"$(KDIR)")

fuzz: ## fuzz the pure files on the host; FUZZ_SECONDS= or FUZZ_RUNS= for each target
	scripts/packages.sh fuzz
	selftests/host/fuzz.sh

bench: ## measure the C connector, ours and generic netlink; BENCH=full takes more rounds
	scripts/guest.sh arguments run
	scripts/packages.sh guest bench
	$(kernel) export TOOLS_PROFILE=release && scripts/modules.sh "$$kdir" bench && selftests/bench/run.sh "$$kdir" "$${BENCH:-quick}"

profile: ## instructions by function for one message on PROVIDER (rust, c or baseline)
	scripts/guest.sh arguments run
	scripts/packages.sh guest bench
	$(kernel) scripts/modules.sh "$$kdir" bench && python3 selftests/bench/profile.py "$$kdir" "$${PROVIDER:-rust}"

bench-publish: ## put the figures of the last make bench into README.md and Documentation/
	scripts/packages.sh bench
	$(kernel) selftests/bench/run.sh "$$kdir" publish

in-tree: ## put the connector into the kernel tree KSRC, as drivers/connector
	scripts/in-tree.sh put "$(KSRC)"

in-tree-undo: ## take it out of the kernel tree KSRC
	scripts/in-tree.sh undo "$(KSRC)"

in-tree-test: ## build kernels that have the connector built in, C and ours, and test them
	selftests/in-tree/run.sh

patches: ## make the patch series for a kernel tree, in build/patches, and look at it with checkpatch
	scripts/packages.sh patches
	scripts/patches.sh

shell: ## a shell in a guest with the connector, process events and the samples loaded; FILES='...' go to /guest
	scripts/guest.sh arguments shell $(FILES)
	scripts/packages.sh guest
	$(kernel) scripts/modules.sh "$$kdir" all && scripts/guest.sh "$$kdir" shell selftests/guest/shell.sh $(FILES)

guest: ## run CMD='...' in a guest, with nothing loaded, and end with its result (FILES= as above; ICOUNT=1: time is instructions)
	scripts/guest.sh arguments command $(FILES)
	scripts/packages.sh guest
	scripts/client.sh build || echo 'Without this, cnctl is not in the guest.'
	$(kernel) scripts/modules.sh "$$kdir" core && scripts/guest.sh "$$kdir" command /dev/null $(FILES)

check: ## format, clippy, W=1, rustdoc, sparse, shellcheck, pyflakes, symbols, unsafe
	scripts/packages.sh check docs patches
	$(kernel) scripts/check.sh "$$kdir"

docs: ## make the documentation as HTML: the pages, the references of the crates for modules and for programs, and of all Rust code
	scripts/packages.sh docs
	$(kernel) scripts/docs.sh "$$kdir"

kdir: ## print what a call of make needs to build a module for the kernel in use: KDIR=... LLVM=... RUSTC=... BINDGEN=...
	scripts/kdir.sh make

clean: ## remove everything that was built here
	scripts/clean.sh

distclean: clean ## and the cache: kernel source, kernel, bindgen
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/connector-rs"

help: ## this list
	printf 'make <verb> [variable=value...]\n\n'
	sed -n 's/^\([a-z_-]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24
	printf '\nVariables\n'
	printf '  %s\t%s\n' ARCH 'the processor: x86_64 (the default), arm64 or riscv64, for run, test, modules and what else uses a kernel or a guest' \
		KDIR 'a configured, built kernel to use' \
		KSRC 'a kernel source to use' \
		KERNEL '7.3 (the default) or 7.2: which kernel source of Debian to use' \
		TORTURE_KDIR 'as KDIR, for make torture' \
		KERNEL_CONFIG 'which kernel of scripts/config to build and use: plain (the default), torture, builtin, torture-builtin, realtime' \
		LLVM,RUSTC,BINDGEN 'compilers, as for kbuild' \
		PREFIX,DESTDIR 'where install and install-dev install (/usr/local), and a folder in front of it' \
		INSTALL_MOD_PATH 'a folder in front of that of the modules (DESTDIR)' \
		ZSH_FUNCTIONS 'where install puts the completion for zsh, if not below PREFIX' \
		WIRESHARK_PLUGINS 'where install puts the dissector, if not below PREFIX' \
		CMD 'the command that make guest runs' \
		FILES 'modules and programs that go to /guest (guest, shell)' \
		TIMEOUT 'seconds after which a guest is stopped (1500)' \
		QEMU_ACCEL 'tcg or kvm; chosen by what the processor says' \
		QEMU_MEM 'memory of the guest (512M, or 1G with the kernel torture)' \
		QEMU_SMP 'processors of the guest (2; with ICOUNT 1)' \
		ICOUNT '1: the time of the guest is the number of its instructions' \
		BENCH 'quick (the default) or full' \
		BENCH_ROUNDS 'how often make bench measures, if not as BENCH says' \
		PROVIDER 'whose instructions make profile shows: rust (the default), c or baseline' \
		T 'regular expression: only these test programs' \
		JOB_SLOTS 'how many jobs of make test run at a time (2)' \
		TORTURE 'small (the default) or full' \
		FLAVOUR 'which of the kernels of Debian make stock tests (amd64, cloud-amd64)' \
		FUZZ_SECONDS 'how long each target of make fuzz runs (3)' \
		FUZZ_RUNS 'how many inputs each target of make fuzz gets, instead' \
		SEED 'for what is random in make torture' \
		INJECTED_BUG 'regular expression: only these bugs (TORTURE=full T=injected_bugs)' \
		PERCENT 'how much of the numbers of TORTURE=full is done (100)' \
		V '1: show what the builds say' | expand -t 24

.PHONY: profile modules all samples tools modules_install install-dev install uninstall deb run test test-deb torture torture-publish stock litmus fuzz bench bench-publish shell guest check docs kdir clean distclean help
.PHONY: in-tree in-tree-undo in-tree-test patches
