# SPDX-License-Identifier: MIT
# The front door. Meson and Ninja do the work; this file installs what they need, calls them, and
# names what can be done: `make help`.

BUILD   = build
PREFIX  = /usr/local
DESTDIR =
SECONDS = 60
RUNS    = 1000000

# The system's meson, not one that a Python environment in PATH may shadow.
MESON := $(or $(wildcard /usr/bin/meson),meson)
NINJA := $(or $(wildcard /usr/bin/ninja),ninja) -C $(BUILD)

.DEFAULT_GOAL := all
.PHONY: all demo test matrix stress crash model fuzz bench bench-peers install deb format clean help configured

##all          the command and the library: build/enlace, build/libenlace.so, build/libenlace.a
all: configured
	@scripts/setup build
	@$(NINJA) installed

##demo         set up, build, and show every mechanism at work
demo: all
	@$(BUILD)/enlace demo

##test         set up, build, and run every test of behaviour on this machine's own build
test:
	@scripts/setup test
	@$(MAKE) --no-print-directory configured
	@$(NINJA)
	@tests/run $(BUILD)

##matrix       other compilers, sanitizers, C libraries and machines; ROWS="row..." for some of them
matrix:
	@scripts/setup matrix
	@scripts/matrix $(ROWS)

##stress       repeat the concurrent tests for SECONDS=60
stress:
	@scripts/setup test
	@$(MAKE) --no-print-directory configured
	@$(NINJA)
	@tests/run --stress $(SECONDS) $(BUILD)

##crash        kill a process after every instruction of each operation; EVERY=K, CASE=name for less
crash:
	@scripts/setup test
	@$(MAKE) --no-print-directory configured
	@$(NINJA)
	@scripts/crash $(if $(EVERY),--every $(EVERY)) $(if $(CASE),--case '$(CASE)') $(BUILD)

##model        check the models of lanes, waiting and locks with spin, also the large ones
model:
	@scripts/setup test
	@$(MAKE) --no-print-directory configured
	@python3 tests/model/model_test.py --thorough

##fuzz         random input to every fuzz target, RUNS=1000000 times or for SECONDS=...
fuzz:
	@scripts/setup fuzz
	@scripts/fuzz $(if $(filter command environment,$(firstword $(origin SECONDS))),--seconds $(SECONDS),--runs $(RUNS))

##bench        measure; ends with a table of bars, which is also build/bench.json
bench: configured
	@scripts/setup bench
	@$(NINJA) bench/bench
	@$(BUILD)/bench/bench

##bench-peers  measure channels against other libraries: ZeroMQ, nng, libqb, Boost.Interprocess, iceoryx
bench-peers: configured
	@scripts/setup bench-peers
	@$(MESON) configure $(BUILD) -Dbench_peers=true
	@$(NINJA) bench/bench-peers
	@$(BUILD)/bench/bench-peers

##install      library, headers, command, manual and completion below DESTDIR=, PREFIX=/usr/local
install: all
	@scripts/install '$(BUILD)' '$(PREFIX)' '$(DESTDIR)'

##deb          Debian packages in build/deb/
deb:
	@scripts/setup deb
	@scripts/deb $(BUILD)/deb

##format       lay out all C files as .clang-format says
format:
	@scripts/setup format
	@scripts/format

##clean        remove everything that was built
clean:
	rm -rf $(BUILD)

help:
	@sed -n 's/^##/make /p' Makefile

configured: $(BUILD)/build.ninja

$(BUILD)/build.ninja:
	@scripts/setup build
	@$(MESON) setup $(BUILD) . --prefix='$(PREFIX)'
