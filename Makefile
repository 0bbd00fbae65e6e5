# SPDX-License-Identifier: GPL-2.0
guest:
	scripts/modules.sh $(KDIR) all
	@printf '%s\n' "$$CMD" >build/job && scripts/guest.sh $(KDIR) run build/job
export CMD ICOUNT QEMU_ACCEL QEMU_SMP TIMEOUT KSRC V
