# What lies beside the root file system has no partition of its own here, but a folder of the persistent one.
if [ -d /mnt/persist/rootfs ] && ! mountpoint -q /mnt/rootfs; then
	mkdir -p /mnt/rootfs
	mount --bind /mnt/persist/rootfs /mnt/rootfs
fi
