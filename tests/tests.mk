# Tests. `make check`: unit (cmocka), golden, command line, include directions, fuzz corpora, all as
# TAP under prove. `make check-long`: what takes longer.

TEST_OBJ  := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/unit/*.c tests/golden/*.c tests/bench/*.c tests/fuzz/*.c tests/lib/*.c))
UNIT      := $(patsubst tests/unit/test_%.c,$(BUILD)/tests/unit/test_%,$(wildcard tests/unit/test_*.c))
TESTLIB   := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/lib/*.c))
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_CC   ?= clang

$(BUILD)/obj/tests/%.o: ALL_CPPFLAGS += -Itests

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(TESTLIB) $(LIB_A)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -lcmocka -o $@

$(BUILD)/check_golden: $(BUILD)/obj/tests/golden/check_golden.o $(TESTLIB) $(LIB_A)
	$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

# Each fuzz target twice: with libFuzzer (make fuzz), and with a main() that replays files.
$(BUILD)/fuzz/replay_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/replay.o $(TESTLIB) $(LIB_A)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) $^ $(LIBS) -o $@

$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(LIB_SRC) $(wildcard tests/lib/*.c)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(ALL_CPPFLAGS) -Itests $(CSTD) -g -O1 -w -fopenmp -fsanitize=fuzzer,address,undefined $^ $(LIBS) -o $@

.PHONY: fuzz
fuzz: $(FUZZ_NAMES:%=$(BUILD)/fuzz/fuzz_%)

TEST_PROGRAMS := $(UNIT) $(if $(wildcard tests/golden/check_golden.c),$(BUILD)/check_golden) $(FUZZ_NAMES:%=$(BUILD)/fuzz/replay_%)

.PHONY: check check-unit test-programs
test-programs: all $(TEST_PROGRAMS)
check: test-programs
	BUILD=$(BUILD) tests/lib/run-tests $(UNIT) $(sort $(wildcard tests/*/*.t))
check-unit: $(UNIT)
	BUILD=$(BUILD) tests/lib/run-tests $(UNIT)
