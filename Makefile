# The short face of the build: Meson and Ninja do the work.
#
#   make            build/stasis, and build/criu as a name of it
#   make check      every test; T=pattern picks some; CC=clang and SANITIZE=address,undefined build apart
#   make demo       the walk-through of README.md, shown
#   make bench      times, as ratios to what no design can beat
#   make install    PREFIX=/usr/local, DESTDIR=; CRIU_NAME=1 also installs the name criu
ifeq ($(origin CC),default)
CC := gcc
endif
SANITIZE ?=
PREFIX ?= /usr/local
T ?=
BUILD ?= build$(if $(findstring clang,$(CC)),-clang)$(if $(SANITIZE),-sanitize)
sanitize_options = $(if $(SANITIZE),-Db_sanitize=$(SANITIZE) -Db_lundef=false)
c_files = $(shell git ls-files '*.c' '*.h')

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
	@ln -sf stasis $(BUILD)/criu

$(BUILD)/build.ninja:
	CC=$(CC) meson setup $(BUILD) --prefix=$(PREFIX) $(sanitize_options)

deps:
	@tools/install-deps tools/deps.txt

deps-check:
	@tools/install-deps tools/deps.txt tools/deps-check.txt

check: deps-check
	@$(MAKE) --no-print-directory all
	@tests/run --build $(BUILD) $(if $(T),--filter '$(T)')

demo: deps
	@$(MAKE) --no-print-directory all
	@demo/walk-through $(BUILD)/stasis

bench: deps
	@$(MAKE) --no-print-directory all
	@$(BUILD)/bench/bench $(BUILD)/stasis

install: all
	@meson setup --reconfigure $(BUILD) --prefix=$(PREFIX) >/dev/null
	@meson install -C $(BUILD) $(if $(DESTDIR),--destdir $(abspath $(DESTDIR)))
	@$(if $(CRIU_NAME),ln -sf stasis $(DESTDIR)$(PREFIX)/bin/criu)

tidy: all
	@clang-tidy -p $(BUILD) --quiet --extra-arg=-Wno-unknown-warning-option $(filter src/%.c,$(c_files))

format:
	@clang-format -i $(c_files)

format-check:
	@clang-format --dry-run -Werror $(c_files)

clean:
	rm -rf build build-*

.PHONY: all deps deps-check check demo bench install tidy format format-check clean
