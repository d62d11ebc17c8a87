#!/bin/sh
# Mounts the kernel's modules from the partition of the root file system. An install renews one partition after the other:
# whichever kernel was started, its modules are in one of the two places.
set -eu
place=/usr/lib/modules
if mountpoint -q "$place"; then
	exit 0
fi
for image in /mnt/rootfs/modules.squashfs /mnt/rootfs/skiff.old/modules.squashfs \
	/mnt/persist/skiff.old/rootfs/modules.squashfs; do
	[ -f "$image" ] || continue
	mount -o loop,ro "$image" "$place"
	[ ! -d "$place/$(uname -r)" ] || exit 0
	umount "$place"
done
echo "mount-modules: no image below /mnt/rootfs has modules for $(uname -r)" >&2
exit 1
