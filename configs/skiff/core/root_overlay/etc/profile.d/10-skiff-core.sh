# Who logs in to the host system is told where the container's files are.
[ ! -d /mnt/persist/skiff/core ] || echo "The core environment is configured in /mnt/persist/skiff/core/config.yaml."
