#!/bin/sh
# Mounts the kernel's modules from the partition of the root file system.
set -eu
image=/mnt/rootfs/modules.squashfs
place=/usr/lib/modules
if mountpoint -q "$place"; then
	exit 0
fi
if [ ! -f "$image" ]; then
	echo "mount-modules: $image is not there" >&2
	exit 1
fi
mount -o loop,ro "$image" "$place"
