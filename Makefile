# SPDX-License-Identifier: MIT
# Holdfast. `make help` lists the targets.

VERSION := 0.1.0
SONAME  := 0.1
PREFIX  ?= /usr/local
CC      ?= cc
CFLAGS  ?= -O2 -g
PKG_CONFIG ?= pkg-config

# Build variants live side by side: build/<compiler>[-sanitizer][-steps][-mutant].
SAN    ?=
STEPS  ?=
MUTANT ?=
comma  := ,
B := build/$(notdir $(firstword $(CC)))$(if $(SAN),-$(subst $(comma),-,$(SAN)))$(if $(STEPS),-steps)$(if $(MUTANT),-$(MUTANT))

WARN := -Wall -Wextra -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Werror
DEFINES := -D_GNU_SOURCE $(if $(STEPS),-DHF_TEST_STEPS) $(if $(MUTANT),-DHF_MUTANT_$(MUTANT))
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
have = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo yes)
FLAGS = -std=c11 -Iinclude -Isrc -fPIC -fvisibility=hidden -pthread -MMD -MP $(WARN) $(DEFINES) $(CFLAGS) $(SANFLAGS)

CORE_ROOMS := base limit retry breaker audit metrics guard http
objects = $(patsubst %.c,$(B)/%.o,$(wildcard $(1)))
CORE_OBJ := $(call objects,$(CORE_ROOMS:%=src/%/*.c))
SIM_OBJ  := $(call objects,src/sim/*.c)

# Libraries that are built only where their dependency is found: name, pkg-config name.
ADAPTERS := jemalloc:jemalloc curl:libcurl mhd:libmicrohttpd
FOUND    := $(foreach a,$(ADAPTERS),$(if $(call have,$(lastword $(subst :, ,$(a)))),$(firstword $(subst :, ,$(a)))))
pkg_of    = $(patsubst $(1):%,%,$(filter $(1):%,$(ADAPTERS)))

STATIC := $(B)/libholdfast.a $(B)/libholdfast-sim.a $(FOUND:%=$(B)/libholdfast-%.a)
ADAPTER_LIBS = $(foreach a,$(FOUND),$(shell $(PKG_CONFIG) --libs $(call pkg_of,$(a))))

TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/*/test_*.c))

.PHONY: all libs tests clean
all: libs
libs: $(STATIC)
tests: $(TESTS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(FLAGS) -c $< -o $@
$(B)/libholdfast.a: $(CORE_OBJ)
$(B)/libholdfast-sim.a: $(SIM_OBJ)
$(B)/libholdfast-%.a: $(B)/src/adapters/%.o
$(B)/%.a:
	@rm -f $@ && $(AR) rcs $@ $^
$(B)/tests/%: $(B)/tests/%.o $(STATIC)
	@$(CC) $(FLAGS) $(LDFLAGS) $< -Wl,--start-group $(STATIC) -Wl,--end-group -Wl,--as-needed $(ADAPTER_LIBS) -lcmocka -lm -o $@

clean:
	rm -rf build

.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
