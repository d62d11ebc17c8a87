# The habits of SkiffOS: each target is one call of the program `skiff`, which this builds first.
#
#   make                          status and help
#   make configure compile        merge the layers of SKIFF_CONFIG and build the system
#   make cmd/virt/qemu/run        a command of a layer
#   make br/menuconfig            a target of Buildroot
#   make demo                     from nothing to a booted system
#   make test                     all tests
.NOTPARALLEL:
.DEFAULT_GOAL := status

SKIFF := target/release/skiff
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

COMMANDS := status list plan configure compile build clean
.PHONY: $(COMMANDS) help skiff demo qemu test bench plugins

$(COMMANDS): skiff
	@$(SKIFF) $@

help: status

cmd/%: skiff
	@$(SKIFF) cmd $*

br/%: skiff
	@$(SKIFF) br $*

skiff:
	@cargo build --release --locked --package skiff-cli

# Builds and boots virt/qemu in a workspace of its own.
demo: skiff qemu
	@$(SKIFF) --workspace demo --config virt/qemu build
	@$(SKIFF) --workspace demo cmd virt/qemu run || [ $$? -eq 130 ] # Ctrl-C is a way to end it

# Installs QEMU if it is not there.
qemu:
	@command -v qemu-system-x86_64 >/dev/null && command -v qemu-system-aarch64 >/dev/null || { \
		$(SUDO) apt-get update -qq && \
		$(SUDO) apt-get install -qq -y --no-install-recommends qemu-system-x86 qemu-system-arm; }

# The plugins are built for their own target and, for their unit tests, natively.
test: qemu
	cargo test --release --locked --workspace
	cargo test --locked --manifest-path plugins/Cargo.toml
	plugins/build --check

bench:
	cargo bench --package skiff-tests

# Builds the first-party plugins, puts them beside their layers and notes their grants.
plugins: skiff
	plugins/build
	plugins/grant
