# shellcheck shell=sh
# The initramfs reads this after machine-id.sh, when the system is at /new.
restore_machine_id /new LABEL=persist
