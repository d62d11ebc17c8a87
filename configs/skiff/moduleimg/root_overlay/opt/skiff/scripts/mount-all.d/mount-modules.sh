#!/bin/sh
# Mounts the kernel's modules from the partition of the root file system. An install renews one partition after the other and
# counts them: the modules of the kernel that was started are in one of these places, with its number beside them.
set -eu
place=/usr/lib/modules
if mountpoint -q "$place"; then
	exit 0
fi

wanted=
for word in $(cat /proc/cmdline); do
	case $word in skiff.generation=*) wanted=${word#*=} ;; esac
done

# The number that skiff has left in a folder; nothing there was ever renewed if there is none.
generation() {
	[ -f "$1/skiff-system.json" ] || { echo 0; return; }
	sed -n 's/^ *"generation": *\([0-9]*\).*/\1/p' "$1/skiff-system.json"
}

# try GENERATION: mounts the first image that has this kernel's modules and is of that install, of any if that is empty.
try() {
	for pair in /mnt/rootfs: /mnt/rootfs/skiff.old: /mnt/persist:/rootfs /mnt/persist/skiff.old:/rootfs; do
		folder=${pair%%:*}
		image=$folder${pair#*:}/modules.squashfs
		[ -f "$image" ] || continue
		# A folder of the persistent partition that is seen here has its number there.
		[ "$folder" != /mnt/rootfs ] || ! [ /mnt/rootfs -ef /mnt/persist/rootfs ] || continue
		[ -z "$1" ] || [ "$(generation "$folder")" = "$1" ] || continue
		mount -o loop,ro "$image" "$place" || continue
		[ ! -d "$place/$(uname -r)" ] || return 0
		umount "$place"
	done
	return 1
}

# Boot loaders of others do not tell which install they start.
if [ -n "$wanted" ] && try "$wanted" || try ""; then
	exit 0
fi
echo "mount-modules: no image below /mnt/rootfs has modules for $(uname -r)" >&2
exit 1
