#!/bin/sh
# Mounts the persistent partition and applies the settings that are on it. skiff-init.service runs
# this script before the rest of the system starts; Busybox's init runs it from rcS. It can run
# again at any time. It never fails and never waits without a limit: a system without its
# persistent partition still starts, with everything in memory.
#
# Layers extend it through files beside it:
#   mount-all.pre.d/*.sh   sourced first; they set the variables below
#   mount-all.d/*.sh       run last, as programs
# Variables (in brackets: the default):
#   PERSIST_DEVICE         LABEL=, UUID=, PARTUUID=, a device, a directory to bind, or none [LABEL=persist]
#   PERSIST_TIMEOUT        seconds to wait for it [30]
#   PERSIST_MNT            where it is mounted [/mnt/persist]
#   PERSIST_SUBDIR         the directory on it that holds the settings [/]
#   PERSIST_OPTIONS        options of mount, separated by commas
#   BOOT_DEVICE BOOT_MNT   the boot partition [LABEL=boot /mnt/boot]; mounted if MOUNT_BOOT_DEVICE is set
#   ROOTFS_DEVICE ROOTFS_MNT   files beside the root file system [LABEL=rootfs /mnt/rootfs]
#   …_MNT_FLAGS            words for mount, such as --rbind; …_DEVICE_MKDIR makes the directory to bind
#   WAIT_PATHS_EXIST       further paths to wait for, separated by spaces
#   DISABLE_RESIZE_PERSIST, DISABLE_RESIZE_PARTITION, DISABLE_ROOT_REMOUNT_RW
export LC_ALL=C
here=/opt/skiff/scripts
lib=$here/lib
# shellcheck source=configs/skiff/system/root_overlay/opt/skiff/scripts/lib/files.sh
. "$lib/files.sh"
# shellcheck source=configs/skiff/system/root_overlay/opt/skiff/scripts/lib/devices.sh
. "$lib/devices.sh"
# shellcheck source=configs/skiff/system/root_overlay/opt/skiff/scripts/lib/grow.sh
. "$lib/grow.sh"
# shellcheck source=configs/skiff/system/root_overlay/opt/skiff/scripts/lib/identity.sh
. "$lib/identity.sh"
# shellcheck source=configs/skiff/system/root_overlay/opt/skiff/scripts/lib/settings.sh
. "$lib/settings.sh"

# All variables reach the files of mount-all.d.
set -a
PERSIST_DEVICE=LABEL=persist
PERSIST_TIMEOUT=30
PERSIST_MNT=/mnt/persist
PERSIST_SUBDIR=/
BOOT_DEVICE=LABEL=boot
BOOT_MNT=/mnt/boot
ROOTFS_DEVICE=LABEL=rootfs
ROOTFS_MNT=/mnt/rootfs
export SKIFF_RUN_INIT_ACTIONS=true
for script in "$here"/mount-all.pre.d/*.sh; do
	[ -r "$script" ] || continue
	# A syntax error in a sourced file would end this script.
	if sh -n "$script"; then
		# shellcheck source=/dev/null
		. "$script"
		set +eu
	else
		say "$script is not a POSIX shell script, and is skipped"
	fi
done
# The boot loader knows which medium it is on, also if another one has the same labels.
given=$(argument skiff.persist)
PERSIST_DEVICE=${given:-$PERSIST_DEVICE}
PERSIST_ROOT=${PERSIST_ROOT:-$PERSIST_MNT/${PERSIST_SUBDIR#/}}
PERSIST_ROOT=${PERSIST_ROOT%/}
SKIFF_PERSIST=${SKIFF_PERSIST:-$PERSIST_ROOT/skiff}
SKIFF_OVERLAYS=${SKIFF_OVERLAYS:-$PERSIST_ROOT/skiff-overlays}
KEYS_PERSIST=${KEYS_PERSIST:-$SKIFF_PERSIST/keys}
SSH_PERSIST=${SSH_PERSIST:-$SKIFF_PERSIST/ssh}
JOURNAL_PERSIST=${JOURNAL_PERSIST:-$SKIFF_PERSIST/journal}
set +a

mkdir -p /run/skiff /etc/skiff
: >/run/skiff/started
remount_root
set_clock
settle
for path in $WAIT_PATHS_EXIST; do
	wait_for "$path" >/dev/null || say "$path does not appear"
done
mount_persist
make_tree
write_env

set_hostname
set_machine_id
mount_journal
restore_ssh
mount_places
"$here/root-keys.sh"
mount_connections
copy_etc
[ "$PERSIST_STATE" != writable ] || grow_persist

modules=$(modules_mounted)
for script in "$here"/mount-all.d/*.sh; do
	[ -r "$script" ] || continue
	if [ -x "$script" ]; then "$script"; else sh "$script"; fi || say "$script failed with code $?"
done
[ "$modules" = "$(modules_mounted)" ] || load_drivers
reload_units
exit 0
