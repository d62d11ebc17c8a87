# shellcheck shell=sh
# Devices: waits for them, finds them by their label, and mounts them.

under_systemd() {
	[ -d /run/systemd/system ]
}

remount_root() {
	[ -z "$DISABLE_ROOT_REMOUNT_RW" ] || return 0
	case " $(mounted /)," in *[\ ,]ro,*) mount -o remount,rw / || say "the root file system is read-only" ;; esac
}

# Without a clock with a battery, the time of the build is the best lower limit.
set_clock() {
	[ -f /etc/skiff-release ] || return 0
	built=$(sed -n 's/^BUILD_DATE="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/skiff-release 2>/dev/null | head -n 1)
	[ -n "$built" ] || return 0
	seconds=$(date -u -d "$built" +%s 2>/dev/null) || return 0
	[ "$seconds" -le "$(date -u +%s)" ] || date -u -s "@$seconds" >/dev/null || say "cannot set the clock"
}

# Waits until udev has handled the devices that are there.
settle() {
	! command -v udevadm >/dev/null || udevadm settle --timeout=30 || say "udev is still busy after 30 seconds"
}

# find_word WORD: prints the device of LABEL=, UUID=, PARTUUID= or a path.
find_word() {
	case $1 in
	/*) [ -e "$1" ] && printf '%s\n' "$1" ;;
	*=*) findfs "$1" 2>/dev/null || find-device "$1" 2>/dev/null ;;
	*) return 1 ;;
	esac
}

uptime_seconds() {
	read -r uptime _ </proc/uptime
	printf '%s\n' "${uptime%%.*}"
}

# wait_for WORD: prints its device as soon as it is there, up to PERSIST_TIMEOUT seconds.
wait_for() {
	case $PERSIST_TIMEOUT in '' | *[!0-9]*) PERSIST_TIMEOUT=30 ;; esac
	end=$(($(uptime_seconds) + PERSIST_TIMEOUT))
	until find_word "$1"; do
		[ "$(uptime_seconds)" -lt "$end" ] || return 1
		sleep 0.2 2>/dev/null || sleep 1
	done
}

# Mounts the persistent partition. PERSIST_STATE, which layers see, becomes `writable`,
# `read-only` or `memory`.
mount_persist() {
	export PERSIST_STATE=memory
	mkdir -p "$PERSIST_MNT"
	if ! is_mounted "$PERSIST_MNT"; then
		if [ -e /etc/skip-skiff-mounts ]; then
			say "/etc/skip-skiff-mounts exists: no partition is mounted"
		elif [ -n "$PERSIST_DEVICE" ] && [ "$PERSIST_DEVICE" != none ]; then
			mount_word PERSIST_DEVICE "$PERSIST_DEVICE" "$PERSIST_MNT" "$PERSIST_OPTIONS" "$PERSIST_MNT_FLAGS"
		fi
	fi
	if ! is_mounted "$PERSIST_MNT"; then
		say "no persistent partition is mounted: all settings and files are lost when the system stops"
		return
	fi
	PERSIST_STATE=writable
	case "$(mounted "$PERSIST_MNT")," in
	*[\ ,]ro,*)
		PERSIST_STATE=read-only
		say "the persistent partition is read-only: changes are lost when the system stops"
		;;
	esac
	if [ -L "${SKIFF_PERSIST%/}" ]; then
		say "$SKIFF_PERSIST is a link, and is not used"
		leave_settings
	fi
}

# Uses a directory in memory instead of the settings of the partition.
leave_settings() {
	PERSIST_STATE=memory
	SKIFF_PERSIST=/run/skiff/persist
	KEYS_PERSIST=$SKIFF_PERSIST/keys
	SSH_PERSIST=$SKIFF_PERSIST/ssh
	JOURNAL_PERSIST=$SKIFF_PERSIST/journal
}

# mount_word NAME WORD PLACE OPTIONS FLAGS: waits for the device, repairs it, and mounts it.
mount_word() {
	device=$(wait_for "$2") || {
		say "$1=$2 does not appear within $PERSIST_TIMEOUT seconds"
		return 1
	}
	mkdir -p "$3"
	# The initramfs keeps the medium mounted, read-only, if the root file system is on it.
	if other=$(mounted_on "$device"); then
		mount -o remount,rw "$other"
	else
		repair "$device"
	fi
	# shellcheck disable=SC2086 # the flags are words
	mount ${4:+-o "$4"} $5 "$device" "$3" || say "cannot mount $device on $3"
}

# mounted_on DEVICE: prints the first place where it is mounted.
mounted_on() {
	real=$(readlink -f "$1")
	while read -r source place _; do
		[ "$source" != "$real" ] || { printf '%b\n' "$place" && return 0; }
	done </proc/mounts
	return 1
}

# Replays the journal and makes safe repairs, as the system does with disks in fstab.
repair() {
	[ -b "$1" ] && command -v e2fsck >/dev/null || return 0
	case $(blkid -s TYPE -o value "$1" 2>/dev/null) in
	ext2 | ext3 | ext4) ;;
	*) return 0 ;;
	esac
	e2fsck -p "$1" >/run/skiff/fsck.log 2>&1
	code=$?
	# 1 and 2: errors were corrected. 4 and more: some remain, or the check did not run.
	[ "$code" -lt 4 ] || say "e2fsck -p $1 ended with code $code: see /run/skiff/fsck.log"
}

# Mounts the partitions beside the persistent one. They are there already, or on the same medium.
mount_places() {
	[ ! -e /etc/skip-skiff-mounts ] || return 0
	[ -z "$MOUNT_BOOT_DEVICE" ] ||
		mount_place "$BOOT_DEVICE" "$BOOT_MNT" "$BOOT_DEVICE_MKDIR" "$BOOT_MNT_FLAGS" ||
		say "$BOOT_DEVICE is not mounted on $BOOT_MNT"
	# Many boards have nothing beside their root file system.
	mount_place "$ROOTFS_DEVICE" "$ROOTFS_MNT" "$ROOTFS_DEVICE_MKDIR" "$ROOTFS_MNT_FLAGS"
	return 0
}

mount_place() {
	[ -z "$3" ] || mkdir -p "$1"
	mkdir -p "$2"
	! is_mounted "$2" || return 0
	device=$(find_word "$1") || return 1
	# shellcheck disable=SC2086 # the flags are words
	mount $4 "$device" "$2"
}

# modules_mounted: prints what is mounted over the kernel's modules.
modules_mounted() {
	grep -E '^[^ ]+ (/usr)?/lib/modules ' /proc/mounts
}

# Lets udev load drivers again, because a layer has mounted the kernel's modules just now.
load_drivers() {
	command -v udevadm >/dev/null || return 0
	udevadm trigger --type=subsystems --action=add
	udevadm trigger --type=devices --action=add
}

# Makes systemd read units that the persistent partition or a layer has brought.
reload_units() {
	under_systemd || return 0
	reload=$UNITS_COPIED
	changed=$(find /etc/systemd/system /run/systemd/system -newer /run/skiff/started 2>/dev/null | head -n 1)
	[ -n "$changed$reload" ] || return 0
	systemctl daemon-reload
	[ -n "$reload" ] || return 0
	# A rescue system stays one.
	case " $(cat /proc/cmdline) " in
	*" systemd.unit="* | *" rescue "* | *" emergency "* | *" single "* | *" s "* | *" 1 "*) return 0 ;;
	esac
	# Units that the persistent partition has enabled are not part of the start that is under way.
	systemctl start --no-block default.target
}
