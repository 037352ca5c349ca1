# SPDX-License-Identifier: MIT
# What is tested, and how: included by the Makefile, whose words it uses.

# Tests and examples link the adapters and the networking core whose headers they include, and are
# left out where those cannot be had. Tests named ..._parked need the marks of a STEPS=1 build.
SOURCES   := $(wildcard tests/*/*.c examples/*.c)
empty     :=
or_regex   = $(subst $(empty) $(empty),\|,$(strip $(1)))
names_net := $(call or_regex,net $(shell sed -n 's|.*<holdfast/\(.*\)\.h>|\1|p' include/holdfast/net.h))
rooms_net := $(call or_regex,$(NET))
users_of   = $(if $(SOURCES),$(shell grep -l '<holdfast/\($(or $(names_$(1)),$(1))\)\.h>\|"\($(or $(rooms_$(1)),-)\)/' $(SOURCES)))
BUILDABLE := $(filter-out $(foreach a,$(MISSING),$(call users_of,$a)),$(SOURCES))
SUPPORT   := $(patsubst %.c,$(B)/%.o,$(wildcard tests/support/*.c))
BINARIES  := $(patsubst %.c,$(B)/%,$(filter-out tests/support/%,$(BUILDABLE)))

# A mutant is a known mistake, compiled in by -DHF_MUTANT_<name>; the test named here must fail on it.
MUTANTS := NAIVE_CLAIM=tests/limit/test_limiter_race TOLERANCE=tests/base/test_table \
           STALE_DENIAL=tests/base/test_table_overtaken_parked \
           LOST_BOUND=tests/base/test_table_incarnations LOWER_FIRST=tests/base/test_table_killed_parked \
           $(foreach m,NAIVE_CLAIM LATE_CLOCK,$m=tests/base/test_table_linear_parked) \
           $(foreach m,NO_BUMP LATE_CLOCK ONE_SCAN,$m=tests/base/test_table_orders_parked) \
           $(foreach m,NO_GENERATION LOST_COUNTS,BREAKER_$m=tests/breaker/test_breaker_late) \
           BREAKER_ONE_WINDOW=tests/breaker/test_window \
           BREAKER_BLIND_CLAIM=tests/breaker/test_breaker_interrupted_parked \
           $(foreach m,ANY_ORDER NO_PEEK LATE_RETURN,LIMITS_$m=tests/limit/test_limits_orders_parked) \
           FILE_EAGER_DEATH=tests/limit/test_limiter_killed_parked FILE_HEIR=tests/limit/test_limiter_file_dead \
           FILE_NO_FLOOR=tests/limit/test_limiter_file_time \
           AUDIT_NO_ANNOUNCE=tests/audit/test_lane \
           FLOW_BLIND_CHARGE=tests/limit/test_flow_threads \
           $(foreach m,NO_CARRY EARLY_FLOOR,FLOW_$m=tests/limit/test_flow_parked)

# FILTER=breaker takes the tests with that word in their name.
pick       = $(if $(FILTER),$(foreach t,$(1),$(if $(findstring $(FILTER),$t),$t)),$(1))
C_TESTS   := $(call pick,$(basename $(filter $(wildcard tests/*/test_*.c),$(BUILDABLE))))
PLAIN     := $(filter-out %_parked,$(C_TESTS))
PARKED    := $(filter %_parked,$(C_TESTS))
mutant     = $(1)=$(B)$(if $(filter %_parked,$(2)),-steps)-$(1)/$(2)
MUTATED   := $(foreach m,$(call pick,$(MUTANTS)),$(call mutant,$(firstword $(subst =, ,$m)),$(lastword $(subst =, ,$m))))
EXAMPLES  := $(call pick,$(basename $(filter examples/%,$(BUILDABLE))))
PLOTS     := $(basename $(wildcard tests/*/plot_*.c))
FUZZED    := $(call pick,$(basename $(filter tests/fuzz/%,$(BUILDABLE))))
SCRIPTS   := $(call pick,$(wildcard tests/*/test_*.sh))
RUN_C     := $(PLAIN:%=$(B)/%) $(PARKED:%=$(B)-steps/%)
# This compiler's thread sanitizer cannot run where addresses are randomised by more than 28 bits.
STEADY     = $(shell [ $$(cat /proc/sys/vm/mmap_rnd_bits || echo 0) -le 28 ] || echo setarch -R)
export HF_BUILD := $(CURDIR)/$(B)

$(foreach a,$(FOUND),$(foreach f,$(basename $(call users_of,$a)),$(eval $(B)/$f: private EXTERNAL += $(lib_$a))))
$(filter $(B)/tests/%,$(BINARIES)): $(SUPPORT)
$(B)/cli.a: $(filter-out %/main.o,$(CLI))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
$(filter $(B)/tests/cli/%,$(BINARIES)): $(B)/cli.a
$(B)/tests/%: private CHECK := -lcmocka
$(B)/tests/fuzz/%: private CHECK := -lcmocka -fsanitize=fuzzer
$(BINARIES): %: %.o $(STATIC)
	$(call say,LINK,$@)$(LINK) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(EXTERNAL) $(CK) $(CHECK) -lm -o $@

binaries: $(PLAIN:%=$(B)/%) $(EXAMPLES:%=$(B)/%) $(PLOTS:%=$(B)/%)
	$(if $(PARKED),@$(MAKE) STEPS=1 $(PARKED:%=$(B)-steps/%))
test: binaries all $(B)/bench/core ## all tests, or those named by FILTER=word
	@set -e; for m in $(MUTATED); do case $$m in *_parked) steps=1 ;; *) steps= ;; esac; \
		$(MAKE) MUTANT=$${m%%=*} STEPS=$$steps $${m#*=}; done
	@tests/run $(RUN_C) $(MUTATED) $(EXAMPLES:%=$(B)/%) $(SCRIPTS)
# With a sanitizer the program is tested too: by its scripts, which take their traffic shorter then.
test-c: binaries $(if $(SAN),$(PROGRAM))
	@SECONDS_EACH=2 $(if $(filter thread,$(SAN)),$(STEADY)) tests/run $(RUN_C) \
		$(if $(SAN),$(filter tests/cli/%,$(SCRIPTS)))
test-coverage: binaries $(PROGRAM)
	@find $(B) $(wildcard $(B)-steps) -name '*.gcda' -delete
	@SECONDS_EACH=2 tests/run $(RUN_C) $(EXAMPLES:%=$(B)/%) $(filter-out tests/packaging/% tests/headers/%,$(SCRIPTS))
	@tests/coverage $(B) $(if $(PARKED),$(B)-steps)

check-address check-undefined check-thread: check-%: ## the C tests and the program under a sanitizer
	@$(MAKE) CC=gcc SAN=$* test-c
check-valgrind: ## the C tests under valgrind
	@TIMEOUT=600 WRAP='valgrind -q --fair-sched=yes --error-exitcode=99 --leak-check=full' \
		$(MAKE) test-c
fuzz: ## SECONDS=60 of made-up bytes into each parser
	@$(MAKE) CC=clang SAN=address,undefined,fuzzer-no-link fuzz-run
fuzz-run: $(FUZZED:%=$(B)/%)
	@tests/fuzz/run $(or $(SECONDS),60) $^
check-headers: ## every public header alone, as C11 and C++17
	@tests/run tests/headers/test_headers.sh
model: ## all orders of the keyed table's steps, by Spin; setup model installs that too
	@tests/model/run
plot-adaptive: $(B)/tests/limit/plot_adaptive ## how adaptive rates follow a server, in the simulator: CSV and SVG
	@mkdir -p build/bench
	@$< > build/bench/adaptive.csv && awk -f bench/adaptive.awk build/bench/adaptive.csv > bench/adaptive.svg
	@echo "build/bench/adaptive.csv bench/adaptive.svg"
interop: $(B)/tests/interop/ours $(B)/examples/echo_peer $(B)/holdfast ## against peers on js-, go- and rust-libp2p, which npm, go and cargo build; FILTER=word
	@OURS=$(CURDIR)/$< $(if $(filter thread,$(SAN)),$(STEADY)) tests/interop/run '$(FILTER)'
check: ## what the house style fixes and a compiler does not see
	@tests/lint
coverage: ## how much of src the tests run
	@HF_TEST_SLOW=1 TIMEOUT=300 $(MAKE) CC=gcc COVERAGE=1 test-coverage

.PHONY: binaries test test-c test-coverage check-address check-undefined check-thread check-valgrind \
	check-headers fuzz fuzz-run model plot-adaptive interop check coverage
