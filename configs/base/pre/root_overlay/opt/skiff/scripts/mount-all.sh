#!/bin/sh
# Mounts what outlives a reboot. Layers take part through files beside this one:
#   mount-all.pre.d/*.sh   read first: may set BOOT_DEVICE, PERSIST_DEVICE, ROOTFS_DEVICE, MOUNT_BOOT_DEVICE and
#                          PERSIST_OPTIONS (options of mount)
#   mount-all.d/*.sh       run last
here=/opt/skiff/scripts
BOOT_DEVICE=LABEL=boot
PERSIST_DEVICE=LABEL=persist
ROOTFS_DEVICE=LABEL=rootfs
for script in "$here"/mount-all.pre.d/*.sh; do
	[ ! -r "$script" ] || . "$script"
done

# The boot loader knows which medium it is on, also where another has the same labels.
for word in $(cat /proc/cmdline); do
	case $word in skiff.persist=*) PERSIST_DEVICE=${word#skiff.persist=} ;; esac
done

mount_device() {
	case $1 in
	LABEL=* | UUID=* | PARTUUID=*) device=$(find-device "$1" 2>/dev/null || findfs "$1" 2>/dev/null) ;;
	*) device=$1 ;;
	esac
	[ -b "$device" ] || return 1
	mkdir -p "$2"
	mount ${3:+-o "$3"} "$device" "$2"
}

mount_device "$PERSIST_DEVICE" /mnt/persist "$PERSIST_OPTIONS"
mount_device "$ROOTFS_DEVICE" /mnt/rootfs
[ -z "$MOUNT_BOOT_DEVICE" ] || mount_device "$BOOT_DEVICE" /mnt/boot

# Personal settings of this machine, on its own disk: never part of an image.
if [ -s /mnt/persist/skiff/hostname ]; then
	cat /mnt/persist/skiff/hostname >/etc/hostname
	hostname -F /etc/hostname
fi

for script in "$here"/mount-all.d/*.sh; do
	[ ! -r "$script" ] || sh "$script"
done
