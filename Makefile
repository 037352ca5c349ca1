# SPDX-License-Identifier: MIT
# Holdfast. `make help` lists the targets.

# What this machine has is found while this file is read, before setup has installed anything: so
# setup runs alone, and the goals typed beside it run in a make that reads the file again.
ifneq ($(filter setup,$(MAKECMDGOALS)),)
GOALS := $(filter-out setup,$(MAKECMDGOALS))
.PHONY: setup $(GOALS)
setup: ## install what is missing, from Debian packages
	@src/packaging/setup.sh $(filter model,$(GOALS))
	$(if $(GOALS),@$(MAKE) --no-print-directory $(GOALS))
$(GOALS): setup ; @:
else

VERSION    := $(shell sed -n 's/.*HF_VERSION_TEXT "\(.*\)"/\1/p' include/holdfast/version.h)
SONAME     := $(basename $(VERSION))
CFLAGS     ?= -O2 -g
WERROR     ?= -Werror
PKG_CONFIG ?= pkg-config
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man

# As wide as the machine unless -j says otherwise; goals typed together run one after the other.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --no-print-directory -j$(shell nproc)
$(if $(word 2,$(MAKECMDGOALS)),.NOTPARALLEL:)
endif
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2);)

# Variants live side by side: build/<compiler>[-<sanitizer>][-coverage][-steps][-<mutant>].
comma := ,
B := build/$(notdir $(firstword $(CC)))$(subst $(comma),-,$(SAN:%=-%))$(COVERAGE:%=-coverage)$(STEPS:%=-steps)$(MUTANT:%=-%)

WARN     := -Wall -Wextra -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes $(WERROR)
DEFINES  := -D_GNU_SOURCE $(SAN:%=-DHF_LIBC_MEMORY) $(STEPS:%=-DHF_TEST_STEPS) $(MUTANT:%=-DHF_MUTANT_%)
VARIANT  := $(SAN:%=-fsanitize=% -fno-sanitize-recover=all -fno-omit-frame-pointer) \
            $(COVERAGE:%=-O0 --coverage -fprofile-update=atomic)
PACKAGES := $(shell for p in ck libcurl libmicrohttpd jemalloc libcrypto libsodium libuv cmocka; do $(PKG_CONFIG) --cflags $$p; done 2>/dev/null)
FLAGS     = -std=c11 -Iinclude -Isrc -Itests -fPIC -fvisibility=hidden -pthread -MMD -MP \
            $(WARN) $(DEFINES) $(PACKAGES) $(CFLAGS) $(VARIANT)
LINK      = $(CC) $(CFLAGS) $(VARIANT) $(LDFLAGS) -pthread -Wl,--as-needed,-z,now,-z,relro
CK       := $(or $(strip $(shell $(PKG_CONFIG) --libs ck 2>/dev/null)),-lck)

# The networking core and each adapter are built where what they need is found: its pkg-config
# name, its Debian package.
ADAPTERS     := $(patsubst src/adapters/%.c,%,$(wildcard src/adapters/*.c))
PARTS        := $(ADAPTERS) net
pkg_net      := libcrypto libsodium libuv
pkg_jemalloc := jemalloc
pkg_curl     := libcurl
pkg_mhd      := libmicrohttpd
deb_net      := libssl-dev libsodium-dev libuv1-dev
deb_jemalloc := libjemalloc-dev
deb_curl     := libcurl4-openssl-dev
deb_mhd      := libmicrohttpd-dev
FOUND   := $(foreach a,$(PARTS),$(shell $(PKG_CONFIG) --exists $(pkg_$a) 2>/dev/null && echo $a))
MISSING := $(filter-out $(FOUND),$(PARTS))
$(foreach a,$(FOUND),$(eval lib_$a := $(shell $(PKG_CONFIG) --libs $(pkg_$a))))

rooms    = $(patsubst %.c,$(B)/%.o,$(wildcard $(1:%=src/%/*.c)))
CORE    := base limit retry breaker audit metrics guard http
NET     := net
LIBS    := $(FOUND:%=libholdfast-%) libholdfast-sim libholdfast
STATIC  := $(LIBS:%=$(B)/%.a)
SHARED  := $(LIBS:%=$(B)/%.so)
CLI     := $(call rooms,cli)
PROGRAM := $(if $(CLI),$(if $(MISSING),,$(B)/holdfast))
BENCH   := $(patsubst %.c,$(B)/%.o,$(wildcard bench/*.c))

all: libs $(PROGRAM) ## libraries and program; says what it leaves out
	@$(foreach a,$(MISSING),echo "left out: libholdfast-$a (Debian package $(if $(shell command -v $(PKG_CONFIG)),,pkg-config and )$(deb_$a))";):
	@$(if $(MISSING),echo "left out: the program holdfast (needs the above)")
libs: $(STATIC) $(if $(SAN)$(COVERAGE),,$(SHARED))

$(B)/flags: FORCE
	@mkdir -p $(@D); echo '$(LINK) $(FLAGS)' | cmp -s - $@ || echo '$(LINK) $(FLAGS)' > $@
$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(FLAGS) -c $< -o $@

# The folders are prerequisites too, so that a file taken away leaves its library.
$(B)/libholdfast.a $(B)/libholdfast.so: $(call rooms,$(CORE)) $(wildcard $(CORE:%=src/%))
$(B)/libholdfast-sim.a $(B)/libholdfast-sim.so: $(call rooms,sim) $(wildcard src/sim)
$(B)/libholdfast-net.a $(B)/libholdfast-net.so: $(call rooms,$(NET)) $(wildcard $(NET:%=src/%))
$(foreach a,$(ADAPTERS),$(eval $(B)/libholdfast-$a.a $(B)/libholdfast-$a.so: $(B)/src/adapters/$a.o))
$(foreach a,$(FOUND),$(eval $(B)/libholdfast-$a.so: private EXTERNAL := $(lib_$a)))
$(filter-out $(B)/libholdfast.so,$(SHARED)): $(B)/libholdfast.so
$(STATIC): $(B)/flags
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)
# A look-up of a name can outlive its network, so the code that it returns to has to stay.
$(B)/libholdfast-net.so: private EXTERNAL += -Wl,-z,nodelete
$(SHARED): $(B)/%.so: src/packaging/libholdfast.map
	$(call say,LINK,$@)$(LINK) -shared -Wl,-soname,$*.so.$(SONAME),--version-script=$<,--no-undefined \
		$(filter %.o %.so,$^) $(EXTERNAL) $(CK) -o $@.$(VERSION)
	@ln -sf $(@F).$(VERSION) $@.$(SONAME) && ln -sf $(@F).$(SONAME) $@

$(B)/holdfast: private EXTERNAL := $(foreach a,$(FOUND),$(lib_$a))
$(B)/holdfast: $(CLI)
# All benchmarks are one program; its memory is jemalloc's where that is found, and those of the
# networking core are in it where that is.
$(B)/bench/memory.o: private DEFINES += $(if $(lib_jemalloc),-DBENCH_JEMALLOC)
$(B)/bench/crypto.o $(B)/bench/noise.o: private DEFINES += $(if $(lib_net),-DBENCH_NET)
$(B)/bench/core: private EXTERNAL := $(lib_jemalloc) $(lib_net)
$(B)/bench/core: $(BENCH)
$(B)/bench/peers/churn: $(B)/bench/peers/churn.o
$(B)/holdfast $(B)/bench/core $(B)/bench/peers/churn: $(STATIC)
	$(call say,LINK,$@)$(LINK) $(filter %.o,$^) $(filter %.a,$^) $(EXTERNAL) $(CK) -lm -o $@

run: $(B)/holdfast ## the demonstration: real traffic, guarded
	@$< demo
bench: $(B)/bench/core ## ns per decision, each pattern beside its floor; QUICK=1, FILTER=word
	@mkdir -p build/bench
	@$< $(QUICK:%=--quick) $(FILTER:%=--only %) --output build/bench/core.json
bench-peers: ## both of the following, one after the other
	@$(MAKE) bench-peers-limiter
	@$(MAKE) bench-peers-net
bench-peers-limiter: ## the limiter beside governor, which cargo builds; QUICK=1 or FULL=1, PAIRS=9, FILTER=word, RESUME=1
	@+MAKE='$(MAKE)' CC='$(CC)' bench/limiter_peers.sh $(QUICK:%=--quick) $(FULL:%=--full) $(PAIRS:%=--pairs %) \
		$(if $(FILTER),--only '$(FILTER)') $(RESUME:%=--resume) $(CPU_TIME:%=--cpu-time)
bench-peers-net: ## the network beside rust- and go-libp2p, which cargo and go build; QUICK=1, PAIRS=9, FILTER=word
	@+MAKE='$(MAKE)' CC='$(CC)' bench/net_peers.sh $(QUICK:%=--quick) $(PAIRS:%=--pairs %) $(if $(FILTER),--only '$(FILTER)')
bench-table: ## what bench-peers found, as the tables that the README shows
	@awk -f bench/peers/svg.awk -f bench/peers/table.awk $(wildcard build/bench/limiter_peers.json build/bench/net_peers.json)
bench-churn: $(B)/bench/peers/churn ## ever new keys for MINUTES=10: memory and time stay; KEYS=10000000
	@mkdir -p build/bench
	@$< $(MINUTES:%=--minutes %) $(KEYS:%=--keys %) --output build/bench/churn.json
	@awk -f bench/peers/churn.awk build/bench/churn.json > build/bench/churn.svg
	@echo "build/bench/churn.json, .svg"
install: all
install uninstall: ## PREFIX= DESTDIR= LIBDIR=
	@$(foreach v,B LIBS PROGRAM ADAPTERS VERSION SONAME CK DESTDIR PREFIX BINDIR LIBDIR INCLUDEDIR MANDIR,$v='$($v)') \
		src/packaging/install.sh $@

clean: ## forget everything built
	rm -rf build
help: ## this list
	@sed -n 's/^\([a-z][a-z -]*\):.*## \(.*\)/\1|\2/p' Makefile tests/tests.mk | awk -F'|' '{ printf "  %-42s %s\n", $$1, $$2 }'

.PHONY: all libs run bench bench-table bench-peers bench-peers-limiter bench-peers-net bench-churn install uninstall clean help FORCE
include tests/tests.mk
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
endif
