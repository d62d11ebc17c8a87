# shellcheck shell=bash disable=SC2016 # other shells expand the texts
# Further behaviours: extension points, disks, swap, Busybox, the initramfs.

test_a_hook_that_is_not_a_script_is_skipped() {
	make_persist
	hooks=$ROOT/opt/skiff/scripts
	write "$hooks/mount-all.pre.d/50-bash.sh" 'X=(1 2)\n'
	write "$hooks/mount-all.pre.d/60-set.sh" 'set -eu\nPERSIST_OPTIONS=noatime,commit=7\n'
	write "$hooks/mount-all.d/10-fails.sh" 'exit 3\n'
	write "$hooks/mount-all.d/20-env.sh" '#!/bin/sh\necho "$SKIFF_PERSIST $PERSIST_STATE" >/env-seen\n'
	chmod +x "$hooks/mount-all.d/20-env.sh"
	start
	case $(readlink /bin/sh) in *dash) said "50-bash.sh is not a POSIX shell script" ;; esac
	said "10-fails.sh failed with code 3"
	same "variables" "/mnt/persist/skiff writable" "$(cat "$ROOT/env-seen")"
	check "options" grep -q "/mnt/persist ext4.*commit=7" "$ROOT/proc/mounts"
}

test_places_are_bound_as_squashfs_boards_ask() {
	make_persist
	write "$ROOT/opt/skiff/scripts/mount-all.pre.d/50-board.sh" 'ROOTFS_DEVICE=/mnt/persist/rootfs\nROOTFS_DEVICE_MKDIR=true
ROOTFS_MNT_FLAGS=--rbind\nBOOT_DEVICE=/mnt/persist/boot\nBOOT_DEVICE_MKDIR=true\nBOOT_MNT_FLAGS=--rbind\nMOUNT_BOOT_DEVICE=true\n'
	start
	check "boot" [ "$P/boot" -ef "$ROOT/mnt/boot" ]
	check "rootfs" [ "$P/rootfs" -ef "$ROOT/mnt/rootfs" ]
}

test_a_medium_that_the_initramfs_holds_read_only_becomes_writable() {
	make_persist
	mkdir -p "$ROOT/mnt/medium"
	mount -o ro "$DEVICE" "$ROOT/mnt/medium"
	start
	check "mounted" mountpoint -q "$P"
	check "writable" touch "$P/x"
	not_said "cannot"
}

test_a_file_system_grows_with_its_partition() {
	make_persist 256M
	mke2fs -q -F -t ext4 "$DEVICE" 32M
	write "$ROOT/opt/skiff/scripts/mount-all.pre.d/50.sh" 'DISABLE_RESIZE_PERSIST=1\n'
	start
	check "not with the switch" [ "$(df -Pm "$P" | awk 'NR == 2 { print $2 }')" -lt 40 ]
	rm "$ROOT/opt/skiff/scripts/mount-all.pre.d/50.sh"
	start
	# The kernel allows it to processes with CAP_SYS_RESOURCE (bit 24), which some containers lack.
	if (((0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status) >> 24) & 1)); then
		check "size" [ "$(df -Pm "$P" | awk 'NR == 2 { print $2 }')" -gt 200 ]
	else
		echo "NOTE: without CAP_SYS_RESOURCE, growing is refused; tested instead: the refusal is said"
		said "the file system on $DEVICE cannot grow"
	fi
}

# fake_disk TABLE [OTHER START]: a disk in a copy of sysfs whose second partition is the mounted
# one.
fake_disk() {
	local numbers
	sys=$ROOT/fake
	disk=$sys/devices/disk/sdz
	numbers=$(mountpoint -d "$P")
	mkdir -p "$disk/sdz1" "$disk/sdz2" "$sys/dev/block" "$sys/class/block"
	echo 20000000 >"$disk/size"
	echo 2048 >"$disk/sdz1/start"; echo 100000 >"$disk/sdz1/size"; echo 1 >"$disk/sdz1/partition"
	echo 204800 >"$disk/sdz2/start"; echo 1000000 >"$disk/sdz2/size"; echo 2 >"$disk/sdz2/partition"
	touch "$disk/sdz1/dev" "$disk/sdz2/dev"
	ln -sfn ../../devices/disk/sdz/sdz2 "$sys/dev/block/$numbers"
	ln -sfn ../../devices/disk/sdz/sdz2 "$sys/class/block/sdz2"
	[ -z "${2:-}" ] || echo "$2" >"$disk/sdz1/start"
	stub sfdisk 'cat >/dev/null'
	stub partx
	stub resize2fs
	stub blkid "case \"\$*\" in *PTTYPE*) echo $1 ;; *) echo ext4 ;; esac"
	write "$ROOT/opt/skiff/scripts/mount-all.pre.d/50.sh" 'SYSFS=/fake\n'
}

test_only_the_last_partition_that_is_persist_grows() {
	make_persist
	start
	fake_disk gpt
	start
	said "/dev/sdz2 has grown to the end of /dev/sdz"
	check "table" grep -qx "sfdisk --no-reread --no-tell-kernel --force -N 2 /dev/sdz" "$ROOT/stub.log"
	check "second table" grep -q "relocate gpt-bak-std /dev/sdz" "$ROOT/stub.log"
	check "kernel" grep -qx "partx --update --nr 2 /dev/sdz" "$ROOT/stub.log"
	check "file system" grep -qx "resize2fs /dev/sdz2" "$ROOT/stub.log"
	for case in "gpt 1300000" "weird" ; do
		: >"$ROOT/stub.log"
		# shellcheck disable=SC2086 # two words
		fake_disk $case
		start
		check "not $case" [ "$(grep -c ^sfdisk "$ROOT/stub.log")" = 0 ]
	done
	: >"$ROOT/stub.log"
	fake_disk dos
	echo 5 >"$disk/sdz2/partition"
	start
	check "not a logical one" [ "$(grep -c ^sfdisk "$ROOT/stub.log")" = 0 ]
	: >"$ROOT/stub.log"
	fake_disk dos
	echo 1210000 >"$disk/size"
	start
	check "not for a few sectors" [ "$(grep -c ^sfdisk "$ROOT/stub.log")" = 0 ]
}

# The same words for sfdisk, on a real table in a file.
test_sfdisk_grows_real_tables_and_keeps_identities() {
	for table in gpt dos; do
		disk=$WORK/disk
		rm -f "$disk"
		truncate -s 64M "$disk"
		printf 'label: %s\nstart=2048,size=20480\nstart=24576,size=40960\n' $table | sfdisk -q "$disk"
		ids=$(sfdisk -d "$disk" | sed -n 's/.*uuid=\([^,]*\).*/\1/p; s/^label-id: //p')
		truncate -s 200M "$disk"
		[ $table != gpt ] || sfdisk --no-reread --no-tell-kernel --relocate gpt-bak-std "$disk" >/dev/null || fail relocate
		echo ',+' | sfdisk --no-reread --no-tell-kernel --force -N 2 "$disk" >/dev/null 2>&1 || fail "$table"
		check "$table is whole" sfdisk -V "$disk"
		same "$table identities" "$ids" "$(sfdisk -d "$disk" | sed -n 's/.*uuid=\([^,]*\).*/\1/p; s/^label-id: //p')"
		same "$table first" "2048 20480" "$(sfdisk -d "$disk" | sed -n 's/.*disk1 .*start= *\([0-9]*\), size= *\([0-9]*\).*/\1 \2/p')"
		size=$(sfdisk -d "$disk" | sed -n 's/.*disk2 .*start= *24576, size= *\([0-9]*\).*/\1/p')
		check "$table second: ${size:-moved}" [ "${size:-0}" -gt 380000 ]
	done
}

test_a_swap_file_is_made_whole_or_not_at_all() {
	make_persist 256M
	start
	stub swapon
	stub modprobe
	printf 'SWAPFILE_SIZE=16\nDISABLE_ZRAM=1\n' >"$ROOT/etc/skiff/swap.env"
	swap() {
		inside SWAPFILE_SIZE="$1" DISABLE_ZRAM=1 /opt/skiff/scripts/swap.sh >"$WORK/said" 2>&1
	}
	swap 1000
	said "no swap file: it needs 1000 MiB"
	swap '16M; touch /hacked'
	check "text is not a command" [ ! -e "$ROOT/hacked" ]
	rm -f "$P/primary.swap"
	: >"$P/primary.swap.new"
	swap 16M
	same "size and mode" "16777216 600" "$(stat -c '%s %a' "$P/primary.swap")"
	same "kind" swap "$(blkid -p -s TYPE -o value "$P/primary.swap")"
	check "priority" grep -qx "swapon -p 10 /mnt/persist/primary.swap" "$ROOT/stub.log"
	check "no rest" [ ! -e "$P/primary.swap.new" ]
}

test_the_clock_is_not_before_the_build() {
	make_persist
	echo 'BUILD_DATE="2099-01-02T03:04:05Z"' >"$ROOT/etc/skiff-release"
	start
	check "set" grep -qx "date -u -s @4071006245" "$ROOT/stub.log"
	: >"$ROOT/stub.log"
	echo 'BUILD_DATE="2001-01-02T03:04:05Z"' >"$ROOT/etc/skiff-release"
	start
	check "not set back" [ "$(grep -c -- '-s @' "$ROOT/stub.log")" = 0 ]
}

test_busybox_runs_the_same_scripts() {
	make_persist
	on_persist sh -c 'mkdir -p skiff/keys skiff/etc skiff/connections; echo "ssh-ed25519 AAAA a" >"skiff/keys/-rf.pub"; echo boat >skiff/hostname
		echo 1 >skiff/etc/-one; echo w >skiff/connections/w.nmconnection
		mkdir skiff/ssh; echo key >skiff/ssh/ssh_host_ed25519_key; echo pub >skiff/ssh/ssh_host_ed25519_key.pub'
	mkdir "$ROOT/bb"
	"$(command -v busybox)" --install -s "$ROOT/bb" 2>/dev/null
	for link in "$ROOT"/bb/*; do ln -sf /usr/bin/busybox "$link"; done
	stub hostname 'exec /bb/hostname "$@"'
	rm "$ROOT/stubs/udevadm" "$ROOT/stubs/systemctl"
	chroot "$ROOT" /usr/bin/env -i PATH=/stubs:/bb /bb/sh /opt/skiff/scripts/mount-all.sh >"$WORK/said" 2>&1
	cat "$WORK/said"
	same "name" boat "$(hostname)"
	check "key" grep -q AAAA "$ROOT/root/.ssh/authorized_keys"
	check "etc" [ -e "$ROOT/etc/-one" ]
	same "host key" "key 600" "$(cat "$ROOT/etc/ssh/ssh_host_ed25519_key") $(mode "$ROOT/etc/ssh/ssh_host_ed25519_key")"
	same "its public half" 644 "$(mode "$ROOT/etc/ssh/ssh_host_ed25519_key.pub")"
	same "connection" 600 "$(mode "$ROOT/etc/NetworkManager/system-connections/w.nmconnection")"
	not_said "not found"
	not_said "invalid option"
	not_said "unrecognized"
}

# initramfs: runs restore_machine_id as the initramfs does, with Busybox.
initramfs() {
	local bb=$WORK/bb
	mkdir -p "$bb"
	[ -e "$bb/sh" ] || { "$(command -v busybox)" --install -s "$bb" && for link in "$bb"/*; do ln -sf "$(command -v busybox)" "$link"; done; }
	printf '#!/bin/sh\n[ -n "$1" ] && echo "%s"\n' "$DEVICE" >"$bb/find-device"
	rm -f "$bb/find-device.real"
	chmod +x "$bb/find-device"
	env -i PATH="$bb" SKIFF_ROOT="$ROOT" sh -euc ". '$LAYER/resources/machine-id.sh'" ||
		fail "machine-id.sh ended with code $?"
}

test_the_initramfs_draws_a_machine_id_once() {
	make_persist
	mount --bind "$WORK/cmdline" /proc/cmdline
	initramfs
	id=$(cat "$ROOT/etc/machine-id")
	check "valid: $id" grep -qxE '[0-9a-f]{32}' "$ROOT/etc/machine-id"
	same "mode" 444 "$(mode "$ROOT/etc/machine-id")"
	check "unmounted" [ "$(grep -c "^$DEVICE " /proc/mounts)" = 0 ]
	for _ in 1 2; do
		restart
		initramfs
		same "again" "$id" "$(cat "$ROOT/etc/machine-id")"
	done
	: >"$WORK/cmdline"
	echo "0 is not an id" >"$ROOT/etc/machine-id"
	initramfs
	same "the image's own id stays" "0 is not an id" "$(cat "$ROOT/etc/machine-id")"
}

test_the_initramfs_leaves_the_id_to_systemd_where_it_cannot_keep_it() {
	make_persist
	mount --bind "$WORK/cmdline" /proc/cmdline
	on_persist mkdir -p skiff/machine-id
	initramfs
	same "a directory" "" "$(cat "$ROOT/etc/machine-id")"
	on_persist rmdir skiff/machine-id
	on_persist sh -c 'echo "../../etc/passwd xyz" >skiff/machine-id'
	initramfs
	check "rubbish is replaced" grep -qxE '[0-9a-f]{32}' "$ROOT/etc/machine-id"
	restart
	losetup -d "$DEVICE"
	sleep 0.2
	DEVICE=$(losetup -f -r --show "$IMAGE")
	on_persist true
	initramfs
	check "read-only, with an id" grep -qxE '[0-9a-f]{32}' "$ROOT/etc/machine-id"
	restart
	DEVICE=/dev/nowhere
	before=$(date +%s)
	initramfs
	same "absent" "" "$(cat "$ROOT/etc/machine-id")"
	check "bounded" [ $(($(date +%s) - before)) -lt 10 ]
	echo "skiff.persist=none" >"$WORK/cmdline"
	initramfs
	same "none" "" "$(cat "$ROOT/etc/machine-id")"
}
