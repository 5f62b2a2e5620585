# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Sourced by run: boots a kernel under QEMU. The caller's variables are those of run.

qemu_initramfs()
{
	local root=$job/initramfs module file name

	mkdir -p "$root/bin" "$root/modules" "$root/dev"
	cp /bin/busybox "$root/bin/"
	install -m 755 "$here/initramfs-init" "$root/init"
	: >"$root/modules/order"
	if [ -d "$dir/modules" ]; then
		for module in virtio_pci 9pnet_virtio 9p overlay; do
			modprobe -d "$dir/root" -S "$release" --show-depends $module
		done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
		while read -r file; do
			name=$(basename "${file%.xz}")
			case $file in
			*.xz) xz -dc "$file" >"$root/modules/$name" ;;
			*) cp "$file" "$root/modules/" ;;
			esac
			echo "$name" >>"$root/modules/order"
		done
	fi
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$job/initramfs.cpio"
}

# KVM is used where it boots a kernel, and /dev/kvm alone does not prove that:
# tried once a boot of this machine, with a time limit.
qemu_accelerator()
{
	local answer

	answer=$cache/kvm.$(cat /proc/sys/kernel/random/boot_id)
	if [ ! -f "$answer" ]; then
		rm -f "$cache"/kvm.*
		echo tcg >"$answer"
		if [ -w /dev/kvm ]; then
			: >"$job/kvm.out"
			timeout 10 qemu-system-x86_64 -accel kvm -cpu host -m 256 -nodefaults -no-user-config \
				-display none -no-reboot -kernel "$dir/vmlinuz" -initrd "$job/initramfs.cpio" \
				-append "console=ttyS0 panic=-1" -serial "file:$job/kvm.out" \
				</dev/null >/dev/null 2>&1 || :
			# without the 9p device the init script stops with this very line
			grep -q "initramfs: the host's root does not mount" "$job/kvm.out" && echo kvm >"$answer"
		fi
	fi
	cat "$answer"
}

# qemu_boot: in the background, its number in $vm
qemu_boot()
{
	local accel append

	qemu_initramfs
	if [ -n "$icount" ]; then
		# "rep movsb" counts as an instruction for each octet, while hardware moves 32 and more at a
		# time: without these two the kernel copies by words
		accel=(-accel tcg -icount shift=0,sleep=off -cpu max,erms=off,fsrm=off)
	elif [ "$(qemu_accelerator)" = kvm ]; then
		accel=(-accel kvm -cpu host)
	else
		# One thread for all CPUs: with one each, a CPU now and then still has the breakpoint that
		# the kernel put in code it patched, after all have left it, and the kernel stops there.
		accel=(-accel tcg,thread=single -cpu max)
	fi
	append="console=ttyS0 loglevel=6 log_buf_len=8M panic=-1 oops=panic panic_on_warn=1"
	append+=" mitigations=off random.trust_cpu=on nfipsec.job=$job $words"
	timeout "$timeout" qemu-system-x86_64 "${accel[@]}" -smp "$cpus" -m "$memory" \
		-nodefaults -no-user-config -display none -no-reboot \
		-kernel "$dir/vmlinuz" -initrd "$job/initramfs.cpio" -append "$append" \
		-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
		-device virtio-9p-pci,fsdev=root,mount_tag=host -device virtio-rng-pci \
		-chardev "file,id=console,path=$job/console" -serial chardev:console \
		-chardev stdio,id=output,signal=off -serial chardev:output \
		-chardev "file,id=result,path=$job/result" -serial chardev:result </dev/null &
	vm=$!
}
