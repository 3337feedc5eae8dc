# Tests. `make check`: unit (cmocka), golden, command line, house rules, fuzz corpora, all as TAP.
# `make check-long`: what takes longer (tests/long). `make fuzz`: the targets with libFuzzer.

UNIT       := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
GOLDEN     := $(patsubst tests/golden/%.c,$(BUILD)/%,$(wildcard tests/golden/check_*.c))
BENCH      := $(patsubst tests/bench/%.c,$(BUILD)/%,$(wildcard tests/bench/*.c))
TOOLS      := $(patsubst tests/tools/%.c,$(BUILD)/tests/%,$(wildcard tests/tools/*.c))
EXAMPLES   := $(patsubst tests/examples/%.c,$(BUILD)/%,$(wildcard tests/examples/*.c))
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
TESTLIB    := $(BUILD)/libtest.a
LINK_TEST   = $(call SAY,LINK)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) $(TESTLINK) $(filter %.o,$^) $(filter %.a,$^) $(LIBS) $(TESTLIBS) -o $@

$(BUILD)/obj/tests/%.o: ALL_CPPFLAGS += -Itests

# An archive: who needs a helper of tests/lib gets that one only.
$(TESTLIB): $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/lib/*.c))
	$(call SAY,AR)rm -f $@ && $(AR) rcsD $@ $^

# Unit tests reach the commands' own code too, but for main().
$(UNIT): TESTLIBS = -lcmocka
$(UNIT): $(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(TESTLIB) $(filter-out %/main.o,$(CMD_OBJ)) $(LIB_A)
	$(LINK_TEST)

$(GOLDEN) $(BENCH) $(TOOLS): $(BUILD)/%: $(TESTLIB) $(LIB_A)
	$(LINK_TEST)
$(GOLDEN): $(BUILD)/%: $(BUILD)/obj/tests/golden/%.o
$(BENCH): $(BUILD)/%: $(BUILD)/obj/tests/bench/%.o
# build/bench times the calls between the library's files: the linker leads them through its clock.
$(BUILD)/bench: $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/bench/parts/*.c)) tests/bench/parts/wraps.ld $(PROGRAM)
$(BUILD)/bench: TESTLINK = -Wl,@tests/bench/parts/wraps.ld
$(TOOLS): $(BUILD)/tests/%: $(BUILD)/obj/tests/tools/%.o

# Each fuzz target twice: with libFuzzer (make fuzz), and with a main() that replays files.
$(BUILD)/fuzz/replay_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/replay.o $(TESTLIB) $(LIB_A)
	$(LINK_TEST)
$(BUILD)/fuzz/fuzz_%: TESTLINK = -fsanitize=fuzzer
$(BUILD)/fuzz/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(TESTLIB) $(LIB_A)
	$(LINK_TEST)

# Examples see what a user of the library sees: the public headers and the shared library.
$(EXAMPLES): $(BUILD)/%: tests/examples/%.c $(LIB_SO) $(FLAGS_STAMP)
	$(call SAY,CC)$(CC) -Iinclude $(CPPFLAGS) $(ALL_CFLAGS) $< $(ALL_LDFLAGS) -L$(BUILD) -lsammed2d -Wl,-rpath,'$$ORIGIN' -o $@

.PHONY: examples fuzz fuzz-programs
examples: $(EXAMPLES)
fuzz-programs: $(FUZZ_NAMES:%=$(BUILD)/fuzz/fuzz_%)
fuzz:
	+$(MAKE) --no-print-directory CC=clang CXX=clang++ BUILD=$(BUILD)/libfuzzer \
	    SANITIZE=fuzzer-no-link,address,undefined fuzz-programs

.PHONY: check check-unit check-long test-programs
test-programs: all examples $(UNIT) $(GOLDEN) $(BENCH) $(TOOLS) $(FUZZ_NAMES:%=$(BUILD)/fuzz/replay_%)
check: test-programs
	@BUILD=$(BUILD) tests/lib/run-tests $(UNIT) $(sort $(filter-out tests/long/%,$(wildcard tests/*/*.t)))
check-unit: $(UNIT)
	@BUILD=$(BUILD) tests/lib/run-tests $(UNIT)
check-long: test-programs
	@BUILD=$(BUILD) TEST_SECONDS=14400 tests/lib/run-tests $(sort $(wildcard tests/long/*.t))

# Dice of the ways to carry an object from slice to slice (src/pipeline/PROPAGATION.md); slow.
.PHONY: measure-propagation
measure-propagation: $(BUILD)/measure_propagation
	@BUILD=$(BUILD) tests/bench/measure-propagation.sh

# The default model from nothing; hours. build/default.h5 is what comes out.
.PHONY: weights
weights: $(PROGRAM)
	@BUILD=$(BUILD) weights/train-default.sh

# What the bundled model reaches on the phantoms and, where they are, on labelled data beside the checkout; slow.
.PHONY: eval-table
eval-table: $(PROGRAM)
	@BUILD=$(BUILD) tests/bench/eval-table.sh >weights/EVALUATION.md.new && mv weights/EVALUATION.md.new weights/EVALUATION.md

# Speed of the network and of whole runs, as ratios to sgemm: tests/bench/README.md. BENCH_OPTIONS="--json --rounds 3".
.PHONY: bench
bench: $(BUILD)/bench
	@$(BUILD)/bench $(BENCH_OPTIONS)

# Reading DICOM beside dcm2niix and plain header loops.
.PHONY: bench-dicom
bench-dicom: $(BUILD)/read_dicom
	@BUILD=$(BUILD) tests/bench/dicom.sh
